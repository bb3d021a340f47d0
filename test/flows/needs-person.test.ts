import { createServer, type Server } from 'node:http';
import { mkdirSync, readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Pebble, startPebble } from '../parts/pebble.ts';
import { type ClockedHome, clockedHome } from './clocked-home.ts';

const DAY_MS = 86_400_000;
const NAME = 'byhand.test';

let pebble: Pebble;
let home: ClockedHome;
/** Serves the directory into which a person puts proofs. */
let server: Server;
let proofs: string;

beforeAll(async () => {
  server = createServer((request, reply) => {
    try {
      reply.end(readFileSync(join(proofs, basename(request.url ?? ''))));
    } catch {
      reply.writeHead(404).end();
    }
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  const profiles = { default: { description: 'Ninety days', validityPeriod: 7_776_000 } };
  pebble = await startPebble({ httpPort: port, tlsPort: port, nonceRejectPercent: 0, profiles });
});
afterAll(async () => {
  await pebble?.stop();
  server.close();
});
beforeEach(() => {
  const made = clockedHome({});
  proofs = join(made.path, 'proofs');
  mkdirSync(proofs);
  made.addPlugin('certkit-authenticator-byhand');
  made.lineage(NAME, { authenticator: { plugin: 'byhand', directory: proofs } });
  home = made;
  tell();
  return () => made.remove();
});

/** Somebody hears by a command; what it was given stands in a file. */
const mailbox = () => join(home.path, 'mailbox');
function tell(): void {
  const channel = { plugin: 'command', run: ['/bin/sh', '-c', 'cat >> "$1"; echo >> "$1"', 'mailbox', mailbox()] };
  home.write('certkit.yaml', { ca: pebble.directoryUrl, ca_bundle: pebble.caBundlePath, notify: [channel] });
}
