// What the demo plays on: a CA, a web server, a certkit home, and a way to look at all three.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { root } from '../setup.mjs';

export const MAIN = join(root, 'dist', 'core', 'start.cjs');

/** Starts it all. What was started is in `stops` as soon as it has to be stopped, so that a failure half-way leaves nothing behind. */
export async function startWorld(parts, { site, neighbour, stops }) {
  const nginx = await parts.layoutCentmin();
  stops.push(() => nginx.stop());
  const { webroot, httpConf } = nginx.addSite(site);
  const neighbourConf = nginx.addSite(neighbour).httpConf;
  await nginx.start();
  const pebble = await parts.startPebble({
    httpPort: nginx.httpPort,
    tlsPort: nginx.httpsPort,
    authzReusePercent: 0, // each renewal is seen to be validated
    profiles: { default: { description: 'Ninety days', validityPeriod: 7_776_000 } },
  });
  stops.push(() => pebble.stop());
  const folder = parts.tempDir(join(tmpdir(), 'certkit-demo-'));
  const dismissGuard = parts.guard('sleep 0.3; rm -rf "$1"', [folder.path]);
  stops.push(async () => {
    dismissGuard();
    folder.remove();
  });
  return { nginx, pebble, webroot, httpConf, neighbourConf, folder: folder.path, home: join(folder.path, 'home') };
}

/**
 * Runs certkit as a person would, in a process group of its own: Ctrl-C reaches it through us, once.
 *
 * @param onLine - called with each line it prints, on either stream
 */
export function runCertkit(args, { home, signal, onLine }) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [MAIN, ...args], {
      env: { PATH: process.env.PATH ?? '', CERTKIT_HOME: home },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    const interrupt = () => child.kill('SIGINT');
    signal.addEventListener('abort', interrupt, { once: true });
    const lines = [];
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        lines.push(line);
        onLine(line);
      });
    }
    child.once('error', reject);
    child.once('close', (exitCode) => {
      signal.removeEventListener('abort', interrupt);
      if (signal.aborted) reject(signal.reason);
      else resolve({ exitCode, text: lines.join('\n') });
    });
  });
}

/** What a browser would get, without a name server that knows the name. */
export function httpBody(port, name) {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, headers: { Host: name } }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
      });
      answer.once('end', () => resolve(text)).once('error', reject);
    });
    sent.once('error', reject).end();
  });
}

/** The version of the lineage whose certificate this is; `undefined` for a certificate of somebody else. */
export function versionOf(certificate, { home, lineage }) {
  const archive = join(home, 'archive', lineage);
  const found = readdirSync(archive)
    .filter((name) => /^\d+$/.test(name))
    .find((name) => readFileSync(join(archive, name, 'cert.pem'), 'utf8').replaceAll(/\s/g, '') === certificate.toString().replaceAll(/\s/g, ''));
  return found === undefined ? undefined : Number(found);
}

/** Everything that a deployment could have touched, as text to compare: each configuration file's bytes, the live link. */
export function fingerprint({ nginx, home, lineage }) {
  const files = readdirSync(nginx.confDir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
  const hashes = files.map((path) => `${path} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`);
  return { text: [...hashes, `live ${readlinkSync(join(home, 'live', lineage))}`].join('\n'), files: files.length };
}
