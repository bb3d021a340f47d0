import { layoutCentmin, type SourceNginx, type SourceOptions } from './nginx-centmin.ts';
import type { NginxInstance } from './nginx-instance.ts';
import type { LayoutOptions, NginxLayout } from './nginx-site.ts';
import { layoutStock } from './nginx-stock.ts';

/** A source-built nginx laid out as Centmin Mod does, running. */
export async function startSourceNginx(options: SourceOptions = {}): Promise<SourceNginx> {
  return started(await layoutCentmin(options));
}

/** Debian's nginx with Debian's layout below a directory of its own, running. */
export async function startStockNginx(options: LayoutOptions = {}): Promise<NginxLayout> {
  return started(await layoutStock(options));
}

async function started<N extends NginxInstance>(nginx: N): Promise<N> {
  try {
    await nginx.start();
    return nginx;
  } catch (error) {
    await nginx.stop();
    throw error;
  }
}
