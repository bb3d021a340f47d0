import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { type Bind, type BindOptions, startBind } from '../parts/bind.ts';
import { type Pebble, startPebble } from '../parts/pebble.ts';
import { freePorts } from '../parts/ports.ts';
import { printed, type Result, type Running, type RunOptions, temporaryHome } from './certkit.ts';

/** A CA that validates through the DNS server whose zones certkit changes. */
export interface DnsScene {
  readonly bind: Bind;
  readonly pebble: Pebble;
  readonly home: string;
  /** With `nsupdate` on PATH and the secrets of accounts in its environment. */
  certkit(args: readonly string[], options?: RunOptions): Promise<Result>;
  start(args: readonly string[], options?: RunOptions): Running;
  /** `certkit run` that obtains a certificate for these names; fails the test if it does not. */
  obtain(names: readonly string[], ...flags: readonly string[]): Promise<Result>;
  /** The same, not waited for. */
  obtaining(names: readonly string[], ...flags: readonly string[]): Running;
  writeLineage(name: string, members: Readonly<Record<string, unknown>>): void;
  /** A program for the provider `exec`, with these lines of a shell. @returns its path */
  writeProgram(name: string, text: string): string;
  /** Names of all TXT records of all zones. */
  proofs(): Promise<readonly string[]>;
  /** No record is left, and the journal knows of none; an order that may still be fulfilled stays in it. */
  expectNothingLeft(): Promise<void>;
  stop(): Promise<void>;
}

export interface DnsSceneOptions extends BindOptions {
  /** Where the CA asks; the first server when not given. */
  readonly caAsks?: (bind: Bind) => string | Promise<string>;
  /** Further accounts of certkit.yaml. `home` is the one that may change all zones without a key of their own. */
  readonly accounts?: (bind: Bind) => Readonly<Record<string, unknown>> | Promise<Readonly<Record<string, unknown>>>;
}

export async function openDnsScene({ caAsks = ({ endpoint }) => endpoint, accounts = () => ({}), ...options }: DnsSceneOptions): Promise<DnsScene> {
  const home = temporaryHome();
  const bind = await startBind(options);
  const [httpPort = 0, tlsPort = 0] = await freePorts(2);
  const pebble = await startPebble({ httpPort, tlsPort, dnsServer: await caAsks(bind), nonceRejectPercent: 0, authzReusePercent: 0 });
  mkdirSync(home.path, { recursive: true, mode: 0o700 });
  const settings = {
    ca: pebble.directoryUrl,
    ca_bundle: pebble.caBundlePath,
    resolvers: [bind.endpoint],
    dns_providers: { home: accountAt(bind, options.zones[0]?.name ?? '', 'HOME_SECRET'), ...(await accounts(bind)) },
  };
  writeFileSync(join(home.path, 'certkit.yaml'), JSON.stringify(settings), { mode: 0o600 });

  const secrets = Object.fromEntries([
    ['HOME_SECRET', bind.key.secret],
    ...options.zones.map(({ name }) => [secretOf(name), bind.keyOf(name).secret] as const),
  ]);
  const env = { PATH: `${bind.programs.bin}:${process.env.PATH ?? ''}`, ...secrets };
  const obtainArgs = (names: readonly string[], flags: readonly string[]) => [
    ...['--authenticator', 'dns', '--dns-provider', 'home', '--agree-tos', ...flags],
    ...names.flatMap((name) => ['-d', name]),
  ];
  const zones = options.zones.map(({ name }) => name);
  const proofs = async () => (await Promise.all(zones.map((zone) => bind.records(zone)))).flat().flatMap(({ type, name }) => (type === 'TXT' ? [name] : []));
  const journalled = () => {
    const folder = join(home.path, 'state', 'journal');
    return readdirSync(folder).flatMap(
      (file) => (JSON.parse(readFileSync(join(folder, file), 'utf8')) as { readonly proofs?: readonly unknown[] }).proofs ?? [],
    );
  };
  const certkit: DnsScene['certkit'] = (args, more) => home.run(args, { ...more, env: { ...env, ...more?.env } });
  const start: DnsScene['start'] = (args, more) => home.start(args, { ...more, env: { ...env, ...more?.env } });
  return {
    bind,
    pebble,
    home: home.path,
    certkit,
    start,
    async obtain(names, ...flags) {
      const result = await certkit(obtainArgs(names, flags));
      expect(result.exitCode, printed(result)).toBe(0);
      return result;
    },
    obtaining: (names, ...flags) => start(obtainArgs(names, flags)),
    writeLineage(name, members) {
      mkdirSync(join(home.path, 'lineages'), { recursive: true, mode: 0o700 });
      writeFileSync(join(home.path, 'lineages', `${name}.yaml`), JSON.stringify(members), { mode: 0o600 });
    },
    writeProgram(name, text) {
      const path = join(home.path, name);
      writeFileSync(path, `#!/bin/sh\n${text}`);
      chmodSync(path, 0o755);
      return path;
    },
    proofs,
    async expectNothingLeft() {
      expect(await proofs()).toEqual([]);
      expect(journalled()).toEqual([]);
    },
    async stop() {
      await pebble.stop();
      await bind.stop();
      home.remove();
    },
  };
}

/** What certkit.yaml says of the server and the key that may change a zone. */
export function accountAt(bind: Bind, zone: string, secret = secretOf(zone)): Readonly<Record<string, unknown>> {
  const { name, algorithm } = bind.keyOf(zone);
  return { plugin: 'rfc2136', server: bind.address, port: bind.port, 'key-name': name, algorithm, secret: { env: secret } };
}

const secretOf = (zone: string) => `SECRET_OF_${zone.toUpperCase().replace(/[^A-Z]/g, '_')}`;
