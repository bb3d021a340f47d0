import { chmodSync, existsSync, mkdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Pebble, startPebble } from '../parts/pebble.ts';
import { freePort } from '../parts/ports.ts';
import { type Home, printed, type Result, temporaryHome } from './certkit.ts';

let pebble: Pebble;
let httpPort: number;
let home: Home;
/** Where hooks leave their traces. */
let traces: string;

beforeAll(async () => {
  httpPort = await freePort();
  pebble = await startPebble({ httpPort, tlsPort: httpPort, profiles: { default: { description: '', validityPeriod: 7_776_000 } } });
});
afterAll(() => pebble?.stop());
beforeEach(async () => {
  home = temporaryHome();
  traces = join(dirname(home.path), 'traces');
  mkdirSync(traces);
  const result = await home.run(['-d', 'first.test', ...byStandalone(), '--agree-tos', ...atPebble()]);
  expect(result.exitCode, printed(result)).toBe(0);
  return () => home.remove();
});

const byStandalone = () => ['--authenticator', 'standalone', '--standalone-port', `${httpPort}`, '--standalone-address', '127.0.0.1'];
const atPebble = () => ['--server', pebble.directoryUrl, '--ca-bundle', pebble.caBundlePath];

function write(path: string, text: string, mode = 0o600): string {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}
const settings = (more: object) => write(join(home.path, 'certkit.yaml'), JSON.stringify({ ca: pebble.directoryUrl, ca_bundle: pebble.caBundlePath, ...more }));
const lineage = (name: string, more: object = {}) =>
  write(
    join(home.path, 'lineages', `${name}.yaml`),
    JSON.stringify({ identifiers: [name, `www.${name}`], authenticator: { plugin: 'standalone', port: httpPort, address: '127.0.0.1' }, ...more }),
  );
const script = (name: string, body: string) => write(join(traces, `${name}.sh`), `#!/bin/sh\n${body}\n`, 0o755);
const hook = (path: string, body: string) => write(join(home.path, 'hooks.d', path), `#!/bin/sh\n${body}\n`, 0o755);
const trace = (name: string) => (existsSync(join(traces, name)) ? readFileSync(join(traces, name), 'utf8').trimEnd().split('\n') : []);
/** A line for each call: what the hook is told, as far as it is wanted. */
const noting = (file: string, words: string) => `echo "${words}" >>${join(traces, file)}`;

async function certkit(exitCode: number, ...args: readonly string[]): Promise<Result> {
  const result = await home.run(args);
  expect(result.exitCode, printed(result)).toBe(exitCode);
  return result;
}

describe('certkit renew', () => {
  test('calls what is to be called, in order: pre, renewed, deployed and post; with nothing due, nothing', async () => {
    settings({
      hooks: {
        pre: [[script('pre', noting('calls', 'pre $CERTKIT_LINEAGES'))]],
        post: [[script('post', noting('calls', 'post $CERTKIT_LINEAGES renewed=$RENEWED_DOMAINS'))]],
        renewed: [[script('renewed', noting('calls', 'renewed $CERTKIT_LINEAGE $CERTKIT_VERSION'))]],
        deployed: [{ run: [script('deployed', noting('calls', 'deployed $1 $CERTKIT_LINEAGES')), '--all'], once: 'per-run' }],
      },
    });
    lineage('one.test', { hooks: { deployed: [[script('own', noting('calls', 'own $CERTKIT_LINEAGE'))]] } });
    lineage('two.test');
    await certkit(0, 'renew');
    expect(trace('calls')).toEqual([
      'pre one.test two.test',
      'renewed one.test 1',
      'renewed two.test 1',
      'deployed --all one.test two.test',
      'own one.test',
      'post one.test two.test renewed=one.test www.one.test two.test www.two.test',
    ]);
    await certkit(0, 'renew');
    expect(trace('calls')).toHaveLength(6);
  });
});
