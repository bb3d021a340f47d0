import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Event } from '../../core/model/event.ts';
import { clockAhead, inProcess } from '../flows/in-process.ts';
import { servedCertificate } from '../parts/handshake.ts';
import { layoutCentmin, type SourceNginx } from '../parts/nginx-centmin.ts';
import { type Pebble, startPebble } from '../parts/pebble.ts';
import { tempDir } from '../parts/temp.ts';
import { openPostOffice, type ReceivedMail } from '../plugins/notifiers/post-office.ts';
import { type Line, layLine } from './line.ts';

export interface LineageOfYear {
  readonly name: string;
  /** Which of the two servers has it. */
  readonly at: 'first' | 'second';
  /** Further members of its file. */
  readonly terms: Readonly<Record<string, unknown>>;
}

/** What one run told, and the mails it sent. */
export interface Run {
  readonly events: readonly Event[];
  readonly mails: readonly ReceivedMail[];
}

/** A CA, two servers, a mail server, a home with lineages, and a clock that goes where it is set. */
export interface World {
  readonly home: string;
  readonly pebble: Pebble;
  /** Between certkit and the CA. */
  readonly line: Line;
  readonly servers: Readonly<Record<LineageOfYear['at'], SourceNginx>>;
  /** What `certkit renew` does when a scheduler starts it at this moment. */
  renewAt(nowMs: number): Promise<Run>;
  /** Until when the certificate that a server shows for the lineage is valid. */
  servedUntilMs(name: string): Promise<number>;
  /** PEM of a version's leaf. */
  leafOf(name: string, version: number): string;
  stop(): Promise<void>;
}

const HOUR_S = 3_600;
/** What certkit waits for, a CA that validates or a server that reloads, is real and quick. */
const LONGEST_SLEEP_MS = 50;
/** Of the CA's windows, the middle. */
const AMID = { fraction: () => 0.5, hex: (bytes: number) => randomBytes(bytes).toString('hex') };

/** @param profiles - of the CA: how long their certificates are valid, in hours */
export async function openWorld(lineages: readonly LineageOfYear[], profiles: Readonly<Record<string, number>>): Promise<World> {
  const servers = { first: await layoutCentmin(), second: await layoutCentmin() };
  const home = tempDir();
  const post = await openPostOffice({ disabledCommands: ['STARTTLS', 'AUTH'] });
  const pebble = await startPebble({
    httpPort: servers.first.httpPort,
    tlsPort: servers.first.httpsPort,
    nonceRejectPercent: 0,
    authzReusePercent: 0,
    profiles: Object.fromEntries(Object.entries(profiles).map(([name, hours]) => [name, { description: `${hours} hours`, validityPeriod: hours * HOUR_S }])),
  });
  const line = await layLine(pebble.directoryUrl);
  const stop = async () => {
    await Promise.all([line.stop(), pebble.stop(), post.close(), ...Object.values(servers).map((server) => server.stop())]);
    home.remove();
  };

  const write = (path: string, value: unknown) => writeFileSync(join(home.path, path), JSON.stringify(value), { mode: 0o600 });
  write('certkit.yaml', {
    ca: line.directory,
    ca_bundle: pebble.caBundlePath,
    not_before: 'now',
    notify: [{ plugin: 'mail', to: 'admin@example.com', smtp: `smtp://127.0.0.1:${post.port}` }],
  });
  mkdirSync(join(home.path, 'lineages'), { mode: 0o700 });
  for (const { name, at, terms } of lineages) {
    const server = servers[at];
    const site = server.addSite({ names: [name], tls: true });
    // The CA looks for proofs at one port, which is the first server's.
    const { webroot } = at === 'first' ? site : servers.first.addSite({ names: [name] });
    write(`lineages/${name}.yaml`, {
      identifiers: [name],
      authenticator: { plugin: 'webroot', root: webroot },
      installers: [{ plugin: 'nginx-custom', binary: server.binary, 'reload-command': server.ngxreload }],
      ...terms,
    });
  }
  await Promise.all(Object.values(servers).map((server) => server.start()));

  return {
    home: home.path,
    pebble,
    line,
    servers,
    async renewAt(nowMs) {
      const events: Event[] = [];
      const mailsBefore = post.mails.length;
      const aheadMs = nowMs - Date.now();
      const clock = clockAhead(() => aheadMs, LONGEST_SLEEP_MS);
      await inProcess({ home: home.path, tell: (event) => void events.push(event), clock, random: AMID }, (certkit) =>
        certkit.maintain({ names: [], force: false, deploy: true, dryRun: false }),
      );
      return { events, mails: post.mails.slice(mailsBefore) };
    },
    async servedUntilMs(name) {
      const at = lineages.find((lineage) => lineage.name === name)?.at ?? 'first';
      const [leaf] = await servedCertificate({ port: servers[at].httpsPort, servername: name });
      return Date.parse(leaf?.validTo ?? '');
    },
    leafOf: (name, version) => readFileSync(join(home.path, 'archive', name, String(version).padStart(4, '0'), 'cert.pem'), 'utf8'),
    stop,
  };
}
