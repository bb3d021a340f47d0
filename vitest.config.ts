import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  resolve: {
    alias: [
      { find: /^certkit\/plugin$/, replacement: at('./plugins/contract.ts') },
      { find: /^certkit\/options$/, replacement: at('./plugins/options.ts') },
      { find: /^certkit\/credentials$/, replacement: at('./plugins/credentials.ts') },
      { find: /^certkit\/dns$/, replacement: at('./plugins/dns/dns.ts') },
      { find: /^certkit\/kit$/, replacement: at('./plugins/kit/kit.ts') },
      { find: /^certkit\/confedit$/, replacement: at('./core/confedit/splice.ts') },
      { find: /^certkit\/confedit\/nginx$/, replacement: at('./core/confedit/nginx/nginx.ts') },
      { find: /^certkit\/tls-alpn$/, replacement: at('./plugins/tls-alpn/tls-alpn.ts') },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/run/temporary-folder.ts'],
    reporters: ['default', './test/run/tally.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    maxWorkers: 3,
  },
});
