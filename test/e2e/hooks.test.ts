import { X509Certificate } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { servedCertificate } from '../parts/handshake.ts';
import { layoutCentmin } from '../parts/nginx-centmin.ts';
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
const live = (name: string) => readlinkSync(join(home.path, 'live', name));
const lastRun = () => JSON.parse(readFileSync(join(home.path, 'state/last-run.json'), 'utf8')) as unknown;
const journal = () => readdirSync(join(home.path, 'state/journal'));

/** As an administrator has it for certbot, in /etc/letsencrypt/renewal-hooks/deploy. */
const CERTBOT_HOOK = `set -eu
for domain in $RENEWED_DOMAINS; do
  case $domain in
    www.shop.test)
      umask 077
      cat "$RENEWED_LINEAGE/fullchain.pem" "$RENEWED_LINEAGE/privkey.pem" >"$TARGET"
      ;;
  esac
done`;

describe('the hooks of a run', () => {
  test('are called in order: pre, renewed, deployed and post; with nothing due, none is', async () => {
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
    expect(journal()).toEqual([]);
  });

  test("certbot's deploy hook works unchanged, from its folder", async () => {
    const target = join(traces, 'haproxy.pem');
    hook('deployed/haproxy', CERTBOT_HOOK.replace('$TARGET', target));
    hook('deployed/nothing.sh~', 'exit 1');
    lineage('shop.test');
    settings({});
    await certkit(0, 'renew');
    const pem = (file: string) => readFileSync(join(home.path, 'live/shop.test', file), 'utf8');
    expect(readFileSync(target, 'utf8')).toBe(pem('fullchain.pem') + pem('privkey.pem'));
  });

  test('are told the facts on stdin, and no variable of whoever started certkit', async () => {
    settings({ hooks: { deployed: [[script('facts', `cat >${join(traces, 'facts')}; env >${join(traces, 'env')}`)]] } });
    lineage('facts.test');
    const result = await home.run(['renew'], { env: { API_TOKEN: 'of somebody else' } });
    expect(result.exitCode, printed(result)).toBe(0);
    expect(JSON.parse(trace('facts').join(''))).toEqual({
      schema: 1,
      event: 'deployed',
      attempt: 1,
      home: home.path,
      lineages: [
        {
          name: 'facts.test',
          names: ['facts.test', 'www.facts.test'],
          outcome: 'deployed',
          version: 1,
          versionPath: join(home.path, 'archive/facts.test/0001'),
          live: join(home.path, 'live/facts.test'),
        },
      ],
    });
    const env = Object.fromEntries(trace('env').map((line) => line.split('=')));
    expect(env).toMatchObject({
      CERTKIT_EVENT: 'deployed',
      CERTKIT_LINEAGE: 'facts.test',
      CERTKIT_VERSION: '1',
      CERTKIT_ATTEMPT: '1',
      PATH: expect.stringContaining('/usr/bin'),
    });
    expect(env).not.toHaveProperty('API_TOKEN');
  });

  test('a person who runs certkit has them called, too; what is in place already is no work', async () => {
    settings({ hooks: Object.fromEntries(['pre', 'post', 'renewed', 'deployed'].map((event) => [event, [[script(event, noting('calls', event))]]])) });
    const run = ['-d', 'person.test', ...byStandalone(), ...atPebble()];
    const planned = await certkit(0, ...run, '--dry-run');
    expect(planned.stdout).toContain(`deployed hook for person.test would be called: ${join(traces, 'deployed.sh')}`);
    expect(trace('calls')).toEqual([]);

    await certkit(0, ...run);
    expect(trace('calls')).toEqual(['pre', 'renewed', 'deployed', 'post']);
    await certkit(0, ...run);
    expect(trace('calls')).toHaveLength(4);
  });

  test('a dry run calls none and names them', async () => {
    settings({ hooks: { pre: [['/sbin/firewall', 'open']] } });
    hook('post/firewall', noting('calls', 'post'));
    lineage('dry.test');
    const { stdout } = await certkit(0, 'renew', '--dry-run');
    expect(stdout).toContain('pre hook for dry.test would be called: /sbin/firewall open');
    expect(stdout).toContain(`post hook for dry.test would be called: ${join(home.path, 'hooks.d/post/firewall')}`);
    expect(trace('calls')).toEqual([]);
  });

  test('--json=events has each call', async () => {
    settings({});
    const path = hook('renewed/note', 'exit 0');
    lineage('events.test');
    const { stdout } = await certkit(0, 'renew', '--json=events');
    const events = stdout
      .trimEnd()
      .split('\n')
      .flatMap((line) => JSON.parse(line).event ?? []);
    expect(events).toContainEqual({ type: 'hook-called', hook: 'renewed', command: path, lineages: ['events.test'] });
  });
});

describe('a hook that fails', () => {
  test('pre: what it is for is not renewed, and the post hooks are called all the same', async () => {
    settings({
      hooks: {
        post: [[script('post', noting('calls', 'post failed=$FAILED_DOMAINS'))]],
        failed: [[script('failed', noting('calls', 'failed $CERTKIT_LINEAGE $CERTKIT_ERROR_CODE'))]],
      },
    });
    lineage('closed.test', { hooks: { pre: [[script('pre', 'echo the firewall is on fire >&2; exit 3')]] } });
    lineage('open.test');
    const { stderr } = await certkit(1, 'renew');
    expect(stderr).toContain('EXEC_HOOK_FAILED: The pre hook of closed.test failed');
    expect(stderr).toContain('it ended with exit code 3\n  the firewall is on fire');
    expect(existsSync(join(home.path, 'live/closed.test'))).toBe(false);
    expect(live('open.test')).toContain('0001');
    expect(trace('calls')).toEqual(['failed closed.test EXEC_HOOK_FAILED', 'post failed=closed.test www.closed.test']);
  });

  test('deployed: what is served stays; the hook is owed, called alone once more, and then no longer', async () => {
    lineage('owed.test');
    const broken = script('broken', `${noting('broken', 'attempt $CERTKIT_ATTEMPT')}; test -e ${join(traces, 'mended')} || { echo no route to lb1; exit 4; }`);
    settings({ hooks: { deployed: [[broken], [script('well', noting('well', 'called'))]] } });
    const { stderr } = await certkit(1, 'renew');
    expect(stderr).toContain(`EXEC_HOOK_FAILED: The deployed hook of owed.test failed: ${broken}: it ended with exit code 4`);
    expect(stderr).toContain('no route to lb1');
    expect(live('owed.test')).toContain('0001');
    expect(lastRun()).toMatchObject({ failed: 0, failedHooks: 1, resting: 0 });

    await certkit(0, 'renew'); // it rests
    expect(lastRun()).toMatchObject({ failed: 0, failedHooks: 0, resting: 1 });
    expect((await certkit(1, 'status', '--check')).stdout).toMatch(/^CERTKIT WARNING - owed\.test: a deployed hook of version 1 has failed once/);
    expect((await certkit(0, 'status', 'owed.test')).stdout).toMatch(
      /hooks {4}a deployed hook of version 1 has failed once, last .* \(EXEC_HOOK_FAILED\); called again from/,
    );
    expect((await certkit(0, 'explain', 'owed.test')).stdout).toMatch(/hooks: a deployed hook of version 1 has failed once/);
    await certkit(6, 'deploy', 'owed.test', '--now');
    writeFileSync(join(traces, 'mended'), '');
    await certkit(0, 'deploy', 'owed.test', '--now');
    await certkit(0, 'deploy', 'owed.test', '--now');
    expect(trace('broken')).toEqual(['attempt 1', 'attempt 2', 'attempt 3']);
    expect(trace('well')).toEqual(['called']);
    expect(live('owed.test')).toContain('0001');
    expect((await certkit(0, 'status', 'owed.test')).stdout).not.toContain('hooks  ');
  });

  test('with a server: what it serves is the new version, and the exit code of a person is that of the hook', async () => {
    const nginx = await layoutCentmin();
    onTestFinished(() => nginx.stop());
    const site = nginx.addSite({ names: ['served.test'], tls: true });
    await nginx.start();
    const install = ['--installer', 'nginx-custom', '--nginx-custom-binary', nginx.binary, '--nginx-custom-reload-command', nginx.ngxreload];
    await certkit(0, '-d', site.name, ...byStandalone(), ...install, ...atPebble());
    settings({ deploy_before: 'immediately', hooks: { deployed: [['false']] } });
    const reloads = nginx.reloads();
    await certkit(6, 'renew', site.name, '--force');
    const leaf = new X509Certificate(readFileSync(join(home.path, 'archive/served.test/0002/cert.pem'))).fingerprint256;
    const served = async () => (await servedCertificate({ port: nginx.httpsPort, servername: site.name }))[0]?.fingerprint256;
    expect(await served()).toBe(leaf);
    expect(nginx.reloads() - reloads).toBe(1);
    await certkit(6, '-d', site.name); // still owed
    expect(await served()).toBe(leaf);
  });

  test('one that does not end is ended', async () => {
    settings({ hooks: { renewed: [{ run: ['sleep', 600], timeout: '1 second' }] } });
    lineage('slow.test');
    const { stderr } = await certkit(1, 'renew');
    expect(stderr).toContain('sleep 600: it did not end within 1 seconds and was stopped');
    expect(live('slow.test')).toContain('0001');
  });

  test('one that is not there is named, with the file that names it', async () => {
    settings({});
    lineage('typo.test', { hooks: { renewed: [['/usr/local/bin/no-such-hook']] } });
    const { stderr } = await certkit(1, 'renew');
    expect(stderr).toContain('The program /usr/local/bin/no-such-hook is not there');
    expect(stderr).toContain(`It comes from ${join(home.path, 'lineages/typo.test.yaml')}:1.`);
  });
});

describe('what others could change is not called', () => {
  const cases: readonly (readonly [title: string, open: (path: string) => string])[] = [
    ['a program that others may write', (path) => path],
    ['a folder that others may write, sticky or not', dirname],
  ];
  for (const [title, open] of cases) {
    test(title, async () => {
      settings({ hooks: { post: [[script('post', noting('calls', 'post'))]] } });
      const unsafe = open(hook('pre/opened', noting('calls', 'opened')));
      chmodSync(unsafe, 0o1777);
      lineage('unsafe.test');
      const { stderr } = await certkit(1, 'renew');
      expect(stderr).toContain(`STORE_UNSAFE: ${unsafe} is not safe to use: others may write it (mode 1777)`);
      expect(stderr).toContain('yours alone to write');
      expect(trace('calls')).toEqual(['post']);
      expect(existsSync(join(home.path, 'live/unsafe.test'))).toBe(false);

      chmodSync(unsafe, 0o755);
      await certkit(0, 'renew', '--force', 'unsafe.test');
      expect(trace('calls')).toEqual(['post', 'opened', 'post']);
    });
  }

  test('a file that nobody may execute is named', async () => {
    settings({});
    const path = write(join(home.path, 'hooks.d/renewed/forgotten'), '#!/bin/sh\n', 0o644);
    lineage('forgotten.test');
    expect((await certkit(0, 'renew')).stdout).toContain(`${path} is not called: nobody may execute it ("chmod u+x ${path}")`);
  });
});

describe('a run that is killed', () => {
  /** The program that called it: certkit itself. */
  const KILL = 'kill -9 $PPID';

  test('between pre and post: recover calls the post hooks, once', async () => {
    settings({
      hooks: { pre: [[script('pre', noting('calls', 'pre'))]], post: [[script('post', noting('calls', 'post $CERTKIT_LINEAGES $CERTKIT_ATTEMPT'))]] },
    });
    lineage('killed.test', { hooks: { renewed: [[script('killer', KILL)]] } });
    expect((await home.run(['renew'])).exitCode).toBe(null);
    expect(trace('calls')).toEqual(['pre']);
    expect(journal()).toHaveLength(1);

    const atBoot = await certkit(0, 'recover', '--no-hooks');
    expect(atBoot.stdout).toContain('The post hooks of a run that was cut off are called by the next "certkit renew".');
    expect(trace('calls')).toEqual(['pre']);
    expect((await certkit(0, 'recover')).stdout).toContain('the post hooks of a run for killed.test, which was cut off, are called');
    expect(trace('calls')).toEqual(['pre', 'post killed.test 2']);
    expect(journal()).toEqual([]);
    expect((await certkit(0, 'recover')).stdout).toContain('Nothing to recover.');
  });

  test('and its post hook is not safe by then: it stays to be called', async () => {
    settings({});
    lineage('waiting.test', { hooks: { renewed: [[script('killer', KILL)]] } });
    const post = hook('post/close', noting('calls', 'post'));
    expect((await home.run(['renew'])).exitCode).toBe(null);
    chmodSync(post, 0o777);
    expect((await certkit(7, 'recover')).stderr).toContain(`STORE_UNSAFE: ${post}`);
    await certkit(1, 'renew');
    expect(lastRun()).toMatchObject({ failed: 0, failedHooks: 1 });
    expect(trace('calls')).toEqual([]);
    chmodSync(post, 0o700);
    await certkit(0, 'recover');
    expect(trace('calls')).toEqual(['post']);
  });

  test('and what it left cannot be read: the next run renews what is due, and does not say that all went well', async () => {
    settings({});
    lineage('garbled.test');
    write(join(home.path, 'state/journal/garbled.json'), '{');
    expect((await certkit(1, 'renew')).stderr).toContain('STORE_UNREADABLE');
    expect(live('garbled.test')).toContain('0001');
    expect(lastRun()).toMatchObject({ failed: 0, unrecovered: 1 });
    expect((await certkit(0, 'status')).stdout).toMatch(/last unattended run .*: what a run left that was cut off cannot be read/);
  });

  test('in a deployed hook: the next run calls it again', async () => {
    settings({
      hooks: { deployed: [[script('killer', `${noting('calls', 'called $CERTKIT_VERSION')}; test $(wc -l <${join(traces, 'calls')}) -gt 1 || ${KILL}`)]] },
    });
    lineage('again.test');
    expect((await home.run(['renew'])).exitCode).toBe(null);
    await certkit(0, 'renew');
    await certkit(0, 'renew');
    expect(trace('calls')).toEqual(['called 1', 'called 1']);
  });
});

test('lineages whose files are read by one server: its reload command is run once', async () => {
  const reload = script('reload', noting('reloads', 'reload'));
  settings({ deploy_before: 'immediately' });
  const into = (name: string) => [{ plugin: 'files', combined: join(traces, `${name}.pem`), 'reload-command': [reload] }];
  for (const name of ['east.test', 'west.test']) lineage(name, { installers: into(name) });
  await certkit(0, 'renew');
  expect(trace('reloads')).toEqual(['reload']);
  await certkit(0, 'renew', '--force', 'east.test', 'west.test');
  expect(trace('reloads')).toEqual(['reload', 'reload']);
  for (const name of ['east.test', 'west.test']) expect(live(name)).toContain('0002');
});
