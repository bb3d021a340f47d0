import { type PluginFiles, pluginFault } from 'certkit/plugin';
import { holderOfPort, type PortHolder } from './port-holder.ts';
import { wayOut } from './way-out.ts';

interface Wanted {
  readonly port: number;
  /** A sentence about what would do instead, or nothing. */
  readonly other: string;
}

/** Why it cannot listen, for people: what the kernel said, and what to do. */
export async function portTrouble(thrown: unknown, { port, other }: Wanted, files: PluginFiles): Promise<Error> {
  const error = thrown as NodeJS.ErrnoException & { readonly address?: string };
  const fail = (because: string, hint: string) =>
    pluginFault('PLUGIN_PRESENT_FAILED', `standalone could not publish the proof: ${because}`, other === '' ? hint : `${hint} ${other}`, error);
  const where = `port ${port}`;

  if (error.code === 'EADDRINUSE') {
    const holder = await holderOfPort(port, files);
    if (holder !== undefined && 'pid' in holder && holder.pid === process.pid)
      return fail(
        `${where} is in use by this run itself, for other addresses`,
        'Set the same addresses for all that listen on one port: --standalone-address.',
      );
    return fail(`${where} is in use${holder === undefined ? '' : ` by ${nameOf(holder)}`}`, wayOut(holder));
  }
  if (error.code === 'EACCES')
    return fail(
      `this user may not listen on ${where}`,
      'Run as root, or listen on a port of 1024 or above and have what the CA asks forwarded there: docs/authenticators.md shows how.',
    );
  if (error.code === 'EADDRNOTAVAIL') return fail(`${error.address} is no address of this machine`, 'Give some that "ip address" shows, or none for all.');
  return fail(`${where}: ${error.message}`, 'See --standalone-port, --standalone-tls-port and --standalone-address.');
}

function nameOf(holder: PortHolder): string {
  if ('user' in holder) return `a program of ${holder.user}, which this user may not see`;
  return `${holder.program} (pid ${holder.pid}${holder.unit === undefined ? '' : `, ${holder.unit}`})`;
}
