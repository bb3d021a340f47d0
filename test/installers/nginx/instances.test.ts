import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Installer, PluginContext, ServerChoice, Survey } from 'certkit/plugin';
import { afterEach, expect, test } from 'vitest';
import { createExecutor } from '../../../core/edges/exec.ts';
import { fileReader } from '../../../core/edges/file-reader.ts';
import nginxCustom from '../../../installers/nginx-custom/nginx-custom.ts';
import { startSourceNginx, startStockNginx } from '../../parts/nginx.ts';
import { layoutCentmin, type SourceNginx, type SourceOptions } from '../../parts/nginx-centmin.ts';
import type { NginxInstance } from '../../parts/nginx-instance.ts';
import { untilListening } from '../../parts/ports.ts';

const context: PluginContext = { files: fileReader, programs: createExecutor({ path: process.env.PATH ?? '/usr/bin:/bin' }), log: { debug() {}, warn() {} } };
const { signal } = new AbortController();
const NOBODY = 65534;
const asNobody = ['setpriv', '--reuid', String(NOBODY), '--regid', String(NOBODY), '--clear-groups'];
const EVENTUALLY = { timeout: 10_000 };
const isRoot = process.getuid?.() === 0;

type Options = Partial<Parameters<typeof nginxCustom.create>[0]>;

const none = { root: undefined, binary: undefined, prefix: undefined, conf: undefined, pid: undefined, 'test-command': undefined, 'reload-command': undefined };
const site = { 'tls-port': 443, redirect: undefined, hsts: undefined, 'tls-profile': undefined };
const custom = (options: Options): Installer => nginxCustom.create({ ...none, ...site, ...options }, context);

const started: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(started.splice(0).map((server) => server.stop()));
});

async function layout(options: SourceOptions = {}): Promise<SourceNginx> {
  const server = await layoutCentmin({ sites: [{ names: ['a.example'], tls: true }], ...options });
  started.push(server);
  return server;
}

async function startBy(server: SourceNginx, [file = '', ...args]: readonly string[], where: { cwd?: string; env?: NodeJS.ProcessEnv } = {}): Promise<void> {
  const { status, stderr } = spawnSync(file, args, { encoding: 'utf8', ...where });
  if (status !== 0) throw new Error(stderr);
  await untilListening(server.httpPort);
  await expect.poll(() => server.pid(), EVENTUALLY).toBeDefined();
  await titled(server);
}

/** A master gets its title a moment after it listens. */
async function titled(server: NginxInstance): Promise<void> {
  await expect.poll(() => readFileSync(`/proc/${server.pid()}/cmdline`, 'utf8'), EVENTUALLY).toContain('master process');
}

const found = (survey: Survey, what: string) => survey.findings?.filter((finding) => finding.what === what).map(({ is }) => is);

async function reloadsOnce(installer: Installer, server: SourceNginx): Promise<void> {
  const before = server.reloads();
  await installer.reload(signal);
  await expect.poll(() => server.reloads(), EVENTUALLY).toBe(before + 1);
}

test('what was found, how that was decided, and what follows from it', async () => {
  const server = await startSourceNginx({
    sites: [{ names: ['a.example'], tls: true }],
    extraHttp: '    server { listen 127.0.0.1:1 ssl; server_name no.example; ssl_reject_handshake on; }\n',
  });
  started.push(server);
  const survey = await custom({ binary: server.binary }).survey(signal);
  const call = `${server.binary} -p ${server.prefix}/ -c ${server.conf} -e stderr`;
  expect(survey.findings).toEqual([
    { what: 'decided by', is: `process ${server.pid()} runs with it` },
    { what: 'program', is: server.binary },
    { what: 'product', is: 'nginx 1.22.1' },
    { what: 'prefix', is: server.prefix },
    { what: 'configuration', is: server.conf },
    { what: 'pid file', is: server.pidFile },
    { what: 'master', is: `process ${server.pid()}, started by root` },
    { what: 'tested with', is: `${call} -t -q` },
    { what: 'reloaded with', is: `${call} -s reload (no service manager runs its master)` },
    { what: 'read', is: `${survey.files.length} files with 4 sites` },
    { what: 'left alone', is: `no.example (${survey.sites.find(({ names }) => names.includes('no.example'))?.id})` },
  ]);
  expect(survey.sites.filter(({ aloof }) => aloof !== undefined).map(({ aloof }) => aloof)).toEqual([expect.stringContaining('rejects every handshake')]);
  expect(survey.testedInMs).toBeGreaterThan(0);
});

test('a command that tests is no part of the survey', async () => {
  const server = await startSourceNginx();
  started.push(server);
  const survey = await custom({ binary: server.binary, 'test-command': ['/bin/true'] }).survey(signal);
  expect(survey.testedInMs).toBeUndefined();
  expect(found(survey, 'tested with')).toEqual(['/bin/true (the command that was given)']);
});

test('two masters of one program and two products at once: each is chosen by its choice alone', async () => {
  const [one, other] = [await startSourceNginx(), await startStockNginx()];
  started.push(one, other);
  const second = await layout({ prefixBy: 'arguments' });
  const beside = spawnSync(one.binary, second.args, { encoding: 'utf8' });
  expect(beside.stderr).toBe('');
  await untilListening(second.httpPort);
  await Promise.all([one, other].map(titled));

  const error = await custom({})
    .survey(signal)
    .catch((thrown: unknown) => thrown as { readonly choices: readonly ServerChoice[] });
  expect(error).toMatchObject({ code: 'INSTALLER_AMBIGUOUS' });
  const { choices } = error as { readonly choices: readonly ServerChoice[] };
  for (const { conf } of [one, other, second]) {
    const choice = choices.find(({ title }) => title.includes(conf));
    const survey = await custom(choice?.options ?? {}).survey(signal);
    expect(survey.server.title).toBe(`nginx 1.22.1 at ${conf}`);
    expect(survey.server.process).toBeDefined();
  }
});

test.runIf(isRoot)("somebody else's server is tested and reloaded as them, and only when it is named", async () => {
  const server = await layout({ prefixBy: 'arguments' });
  spawnSync('chown', ['-R', `${NOBODY}:${NOBODY}`, server.root]);
  await startBy(server, [...asNobody, server.binary, ...server.args]);

  const installer = custom({ conf: server.conf });
  const survey = await installer.survey(signal);
  expect(survey.faults).toEqual([]);
  expect(survey.server.process).toMatchObject({ pid: server.pid() });
  expect(found(survey, 'master')).toEqual([`process ${server.pid()}, started by the user with the number ${NOBODY}`]);
  await installer.test(signal);
  await reloadsOnce(installer, server);

  // Root could write there: that the test fails shows who ran it.
  const forbidden = join(server.root, 'roots-own');
  server.writeFile(join(forbidden, '.keep'), '');
  spawnSync('chown', ['-R', '0:0', forbidden]);
  chmodSync(forbidden, 0o700);
  server.writeFile(join(server.confDir, 'conf.d/log.conf'), `access_log ${forbidden}/access.log;\n`);
  await expect(installer.test(signal)).rejects.toMatchObject({ code: 'INSTALLER_REJECTED', message: expect.stringContaining('Permission denied') });
  expect((await installer.survey(signal)).faults).toEqual([expect.objectContaining({ because: expect.stringContaining('Permission denied') })]);
  expect(await fileReader.facts(join(forbidden, 'access.log'))).toBeUndefined();

  await expect(custom({ binary: server.binary }).survey(signal)).rejects.toMatchObject({ code: 'INSTALLER_NOT_FOUND' });
});

test.runIf(isRoot)("somebody else's server that runs with what its program was built with is known by its pid file", async () => {
  const server = await layout();
  spawnSync('chown', ['-R', `${NOBODY}:${NOBODY}`, server.root]);
  await startBy(server, [...asNobody, server.binary]);
  const survey = await custom({ binary: server.binary }).survey(signal);
  expect(survey.faults).toEqual([]);
  expect(found(survey, 'decided by')).toEqual([`process ${server.pid()} of its pid file ${server.pidFile} runs it`]);
  expect(found(survey, 'tested with')?.[0]).toMatch(
    new RegExp(`^setsid --wait setpriv --reuid ${NOBODY} --regid ${NOBODY} --clear-groups -- ${server.binary} `),
  );
});

test('-g is carried in every call, with relative -p and -c', async () => {
  const server = await layout({ prefixBy: 'arguments' });
  const pidFile = join(server.root, 'other.pid');
  server.writeFile(server.conf, server.readFile(server.conf).replace(/^pid .*$/m, ''));
  const { status, stderr } = spawnSync(server.binary, ['-p', 'usr/local/nginx', '-c', 'conf/nginx.conf', '-g', `pid ${pidFile};`], {
    cwd: server.root,
    encoding: 'utf8',
  });
  expect([status, stderr]).toEqual([0, '']);
  await untilListening(server.httpPort);

  const installer = custom({ binary: server.binary });
  const survey = await installer.survey(signal);
  expect(survey.server.title).toBe(`nginx 1.22.1 at ${server.conf}`);
  expect(found(survey, 'global directives')).toEqual([`pid ${pidFile};`]);
  expect(found(survey, 'pid file')).toEqual([pidFile]);
  await installer.test(signal);
  await reloadsOnce(installer, server);
  expect(await fileReader.facts(server.pidFile)).toBeUndefined();
});

test('a command line that was cut short for want of room is made up for by the pid file', async () => {
  const server = await layout({ prefixBy: 'arguments' });
  // Its end, and with it most of -g, is lost: a title is longer than the command line by "nginx: master process".
  await startBy(server, [server.binary, ...server.args, '-g', 'worker_rlimit_nofile 512;'], { env: {} });
  const survey = await custom({ conf: server.conf, prefix: server.prefix, binary: server.binary }).survey(signal);
  expect(survey.faults).toEqual([]);
  expect(survey.server.process).toMatchObject({ pid: server.pid() });
  expect(found(survey, 'decided by')).toEqual([`process ${server.pid()} of its pid file ${server.pidFile} runs it`]);
});

test('a server that works alone has no title, and is known by its pid file', async () => {
  const server = await layout();
  server.writeFile(server.conf, `master_process off;\n${server.readFile(server.conf)}`);
  await server.start();
  const survey = await custom({ binary: server.binary }).survey(signal);
  expect(survey.server.process).toMatchObject({ pid: server.pid(), argv: [server.binary] });
  await reloadsOnce(custom({ binary: server.binary }), server);
});

test('a program whose file was replaced while it runs: the running one tests, and reloads', async () => {
  const server = await layout();
  await server.start();
  const fresh = `${server.binary}.new`;
  writeFileSync(fresh, '#!/bin/sh\nexit 1\n', { mode: 0o755 });
  renameSync(fresh, server.binary);
  const installer = custom({ conf: server.conf });
  const survey = await installer.survey(signal);
  expect(survey.faults).toEqual([]);
  expect(found(survey, 'program')).toEqual([expect.stringContaining(`${server.binary}, replaced since it was started`)]);
  expect(survey.server.process?.executable).toBe(server.binary);
  await installer.test(signal);
  await reloadsOnce(installer, server);
});

test('while a program is being upgraded nothing is done, and afterwards the new master is the one', async () => {
  const server = await layout();
  await server.start();
  const old = server.pid() as number;
  process.kill(old, 'SIGUSR2');
  await expect.poll(() => server.pid(), EVENTUALLY).not.toBe(old);
  await expect.poll(() => server.pid(), EVENTUALLY).toBeDefined();
  const installer = custom({ binary: server.binary });
  await expect(installer.survey(signal)).rejects.toMatchObject({ code: 'INSTALLER_AMBIGUOUS', hint: expect.stringContaining(`kill -QUIT ${old}`) });
  process.kill(old, 'SIGQUIT');
  await expect.poll(() => fileReader.facts(`${server.pidFile}.oldbin`), EVENTUALLY).toBeUndefined();
  await expect.poll(async () => (await installer.survey(signal)).server.process?.pid, EVENTUALLY).toBe(server.pid());
});

test.runIf(isRoot)("a container's master is passed over: the same program on this system does not run", async () => {
  const server = await layout();
  const container = spawn('unshare', ['--pid', '--fork', '--kill-child', '--mount-proc', server.binary, '-g', 'daemon off;'], { stdio: 'ignore' });
  started.push({ stop: async () => void container.kill('SIGKILL') });
  await untilListening(server.httpPort);
  const installer = custom({ binary: server.binary });
  const passedOver = async () => found(await installer.survey(signal), 'passed over');
  // It gets its title a moment after it listens.
  await expect.poll(passedOver, EVENTUALLY).toEqual(expect.arrayContaining([expect.stringMatching(/^process \d+ runs in a container$/)]));
  expect((await installer.survey(signal)).server.process).toBeUndefined();
  await expect(installer.reload(signal)).rejects.toMatchObject({ code: 'INSTALLER_RELOAD_FAILED' });
});
