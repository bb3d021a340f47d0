import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type NamedOptions, type NameServer, startNamed } from './bind-server.ts';
import { type LateNotify, startLateNotify } from './late-notify.ts';
import { freeAddress, isFree } from './loopback.ts';
import { freePort } from './ports.ts';
import { tempDir } from './temp.ts';
import { pathOf, tool } from './tools.ts';

export interface ZoneOptions {
  /** Without a dot at its end. */
  readonly name: string;
  /** Lines of its file, beside SOA, NS and the addresses of its servers: `'* A 127.0.0.1'`. */
  readonly records?: readonly string[];
  /** What its key may do, as the end of a rule of `update-policy`: `'name _acme-challenge.example.test. TXT'`. Any TXT record when not given. */
  readonly grants?: readonly string[];
  /** Has a key that no other zone takes. */
  readonly ownKey?: boolean;
}

export interface BindOptions {
  readonly zones: readonly ZoneOptions[];
  /** `hmac-sha256` when not given. */
  readonly algorithm?: TsigAlgorithm;
  /** A second server of all zones, which hears of a change so many milliseconds later; with `Infinity` only when `catchUp` is called. */
  readonly secondary?: { readonly lagMs: number };
  /** Listens on ::1 too, at a port of its own. */
  readonly ipv6?: boolean;
}

export type TsigAlgorithm = 'hmac-sha256' | 'hmac-sha512';

/** Who signs with it may update zones (RFC 8945). */
export interface TsigKey {
  readonly name: string;
  readonly algorithm: TsigAlgorithm;
  /** In base64. */
  readonly secret: string;
}

export interface Bind extends NameServer {
  /** As `startPebble` takes a resolver. */
  readonly endpoint: string;
  /** Of all zones without one of their own. */
  readonly key: TsigKey;
  /** As `nsupdate -k` takes it. */
  readonly keyFile: string;
  keyOf(zone: string): TsigKey;
  readonly secondary: Secondary | undefined;
  readonly ipv6: { readonly address: string; readonly port: number } | undefined;
  readonly programs: { readonly dig: string; readonly nsupdate: string /** A folder with both, for PATH. */; readonly bin: string };
}

export interface Secondary extends NameServer {
  /** Lets it hear of all changes there are, and waits until it has them. */
  catchUp(): Promise<void>;
}

const DNS_PORT = 53;
const CATCH_UP_MS = 10_000;

/** An NS record names no port: who asks the servers of a zone asks them at port 53, where as a rule only root may listen. */
export const canServeDns: boolean = await isFree('127.63.0.53', DNS_PORT);

/**
 * BIND with authority for the zones that a test describes and for nothing else, on a loopback address of its own.
 *
 * Its port is 53, or a free one where that cannot be had (`canServeDns`).
 */
export async function startBind({ zones, algorithm = 'hmac-sha256', secondary: wanted, ipv6: wantsIpv6 = false }: BindOptions): Promise<Bind> {
  const bind = await tool('bind');
  const dir = tempDir();
  const running: { stop(): Promise<void> }[] = [];
  const stop = async () => {
    await Promise.all(running.map((one) => one.stop()));
    dir.remove();
  };
  const andStop = <T extends { stop(): Promise<void> }>(one: T): T => {
    running.push(one);
    return one;
  };
  try {
    const port = canServeDns ? DNS_PORT : await freePort();
    const [address, secondAddress] = [await freeAddress(port), await freeAddress(port)];
    const notify = wanted === undefined ? undefined : andStop(await startLateNotify({ address: secondAddress, port }, wanted.lagMs));
    const ipv6 = wantsIpv6 ? { address: '::1', port: await freePort() } : undefined;
    const key = createKey('certkit', algorithm);
    const keyOf = new Map(zones.map(({ name, ownKey }) => [name, ownKey === true ? createKey(`of.${name}`, algorithm) : key]));
    const common = { bind, dir: dir.path, port };

    const primary = andStop(
      await startNamed({
        ...common,
        address,
        ipv6,
        keys: [...new Set([key, ...keyOf.values()])].map(keyText),
        zones: zones.map((zone) => ({
          name: zone.name,
          text: zoneText(zone, notify === undefined ? [address] : [address, secondAddress]),
          statements: ['type primary', updatePolicy(zone, keyOf.get(zone.name) ?? key), ...(notify === undefined ? [] : notifying(notify))],
        })),
      }),
    );
    const secondary = notify === undefined ? undefined : andStop(await startSecondary({ ...common, address: secondAddress }, primary, notify, zones));
    const keyFile = join(dir.path, 'update.key');
    writeFileSync(keyFile, keyText(key), { mode: 0o600 });

    return {
      ...primary,
      endpoint: `${address}:${port}`,
      key,
      keyFile,
      keyOf: (zone) => keyOf.get(zone) ?? key,
      secondary,
      ipv6,
      programs: { dig: pathOf(bind, 'dig'), nsupdate: pathOf(bind, 'nsupdate'), bin: pathOf(bind, 'bin') },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startSecondary(
  options: Omit<NamedOptions, 'zones'>,
  primary: NameServer,
  notify: LateNotify,
  zones: readonly ZoneOptions[],
): Promise<Secondary> {
  const server = await startNamed({
    ...options,
    zones: zones.map(({ name }) => ({
      name,
      statements: ['type secondary', `primaries { ${primary.address} port ${primary.port}; }`, 'allow-notify { 127.0.0.0/8; }'],
    })),
  });
  const isBehind = async ({ name }: ZoneOptions) => (await server.serial(name).catch(() => undefined)) !== (await primary.serial(name));
  const catchUp = async () => {
    const giveUpMs = Date.now() + CATCH_UP_MS;
    while ((await Promise.all(zones.map(isBehind))).includes(true)) {
      if (Date.now() > giveUpMs) throw new Error(`the secondary did not catch up:\n${server.log()}`);
      notify.release();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  try {
    await catchUp();
  } catch (error) {
    await server.stop();
    throw error;
  }
  return { ...server, catchUp };
}

const notifying = ({ port }: LateNotify) => ['notify explicit', 'notify-delay 0', `also-notify { 127.0.0.1 port ${port}; }`];

const updatePolicy = ({ grants = ['zonesub TXT'] }: ZoneOptions, { name }: TsigKey) =>
  `update-policy { ${grants.map((grant) => `grant ${name} ${grant};`).join(' ')} }`;

const createKey = (name: string, algorithm: TsigAlgorithm): TsigKey => ({
  name,
  algorithm,
  secret: randomBytes(algorithm === 'hmac-sha256' ? 32 : 64).toString('base64'),
});

const keyText = ({ name, algorithm, secret }: TsigKey) => `key "${name}" {\n  algorithm ${algorithm};\n  secret "${secret}";\n};\n`;

/** A secondary asks by itself after an hour, so that it learns of changes from notifications alone. */
const zoneText = ({ name, records = [] }: ZoneOptions, servers: readonly string[]) =>
  [
    '$TTL 60',
    `@ SOA ns1.${name}. hostmaster.${name}. 1 3600 600 86400 1`,
    ...servers.flatMap((address, index) => [`@ NS ns${index + 1}.${name}.`, `ns${index + 1} A ${address}`]),
    ...records,
    '',
  ].join('\n');
