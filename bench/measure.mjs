// What the benchmarks share: real servers, a certkit home, a stopwatch around processes.
import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { loadParts } from '../scripts/demo/parts.mjs';
import { ensureBuild, ensurePackages, ensureParts, root } from '../scripts/setup.mjs';

export const MAIN = process.env.CERTKIT_MAIN ?? join(root, 'dist', 'core', 'start.cjs');

/** Packages, tools and a build; then the servers' parts. */
export async function prepare() {
  ensurePackages();
  await ensureParts();
  await ensureBuild();
  return loadParts();
}

/** A source-built nginx with these sites, a Pebble without sleeps or refused nonces, and a home; `close` ends and removes them. */
export async function startWorld(parts, sites) {
  const nginx = await parts.layoutCentmin();
  const home = parts.tempDir();
  let pebble;
  const close = async () => {
    await pebble?.stop();
    await nginx.stop();
    home.remove();
  };
  try {
    const webroots = new Map(sites.map((name) => [name, nginx.addSite({ names: [name], tls: true }).webroot]));
    await nginx.start();
    pebble = await parts.startPebble({ httpPort: nginx.httpPort, tlsPort: nginx.httpsPort, nonceRejectPercent: 0, authzReusePercent: 0 });
    const flagsFor = (name) => [
      ...['-d', name, '--authenticator', 'webroot', '--webroot-root', webroots.get(name)],
      ...['--installer', 'nginx-custom', '--nginx-custom-binary', nginx.binary, '--nginx-custom-reload-command', nginx.ngxreload],
      ...['--server', pebble.directoryUrl, '--ca-bundle', pebble.caBundlePath, '--agree-tos'],
    ];
    return { nginx, pebble, home: join(home.path, 'home'), flagsFor, close };
  } catch (error) {
    await close();
    throw error;
  }
}

const envFor = (home) => ({ PATH: process.env.PATH, CERTKIT_HOME: home });

/** Runs it to its end. @returns milliseconds of wall clock */
export function timed(args, home) {
  const startNs = process.hrtime.bigint();
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { env: envFor(home), encoding: 'utf8' });
  const ms = Number(process.hrtime.bigint() - startNs) / 1e6;
  if (status !== 0) throw new Error(`node ${args.join(' ')} ended with ${status}\n${stdout}${stderr}`);
  return ms;
}

/** Runs certkit with `--json=events`. @returns its wall clock, and when each event arrived, in milliseconds since its start */
export function withEvents(args, home) {
  return new Promise((resolve, reject) => {
    const startNs = process.hrtime.bigint();
    const sinceStart = () => Number(process.hrtime.bigint() - startNs) / 1e6;
    const child = spawn(process.execPath, [MAIN, '--json=events', ...args], { env: envFor(home), stdio: ['ignore', 'pipe', 'pipe'] });
    const events = [];
    let rest = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      const atMs = sinceStart();
      const lines = (rest + text).split('\n');
      rest = lines.pop();
      for (const line of lines) events.push({ atMs, ...JSON.parse(line).event });
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      stderr += text;
    });
    child.once('error', reject);
    let ms = 0;
    child.once('exit', () => {
      ms = sinceStart();
    });
    child.once('close', (code) => (code === 0 ? resolve({ ms, events }) : reject(new Error(`certkit ${args.join(' ')} ended with ${code}\n${stderr}`))));
  });
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export const msText = (ms) => `${ms.toFixed(0)} ms`;
