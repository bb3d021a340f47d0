import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { fileReader } from '../../core/edges/file-reader.ts';
import { createServers } from '../../core/edges/server-process.ts';
import { asNobody } from './as-nobody.ts';
import { scratch } from './scratch.ts';

const servers = createServers({ files: fileReader, path: '/usr/sbin:/usr/bin:/sbin:/bin' });
const home = scratch();

const open = new Set<Server>();
const children = new Set<ChildProcess>();
afterEach(() => {
  for (const server of open) server.close();
  for (const child of children) child.kill('SIGKILL');
  open.clear();
  children.clear();
});

async function listen(host: string, ipv6Only = false): Promise<number> {
  const server = createServer();
  server.listen({ host, port: 0, ipv6Only });
  await once(server, 'listening');
  open.add(server);
  return (server.address() as AddressInfo).port;
}

describe('isRunning', () => {
  test('a process of the program, by its path or a link to it', async () => {
    const link = join(home, 'node');
    symlinkSync(process.execPath, link);
    expect(await servers.isRunning({ pid: process.pid, executable: process.execPath })).toBe(true);
    expect(await servers.isRunning({ pid: process.pid, executable: link })).toBe(true);
  });

  test('not a process of another program that has the pid now', async () => {
    expect(await servers.isRunning({ pid: process.pid, executable: '/usr/sbin/nginx' })).toBe(false);
  });

  test('not one that has ended, whether its parent has asked for it or not', async () => {
    const parent = spawn('sh', ['-c', 'sleep 0 & echo $!; exec sleep 3600'], { stdio: ['ignore', 'pipe', 'ignore'] });
    children.add(parent);
    const [text] = (await once(parent.stdout, 'data')) as [Buffer];
    const zombie = Number(text.toString());
    while (!/^State:\s*Z/m.test(readFileSync(`/proc/${zombie}/status`, 'utf8'))) await new Promise((resolve) => setImmediate(resolve));
    expect(await servers.isRunning({ pid: zombie, executable: '/bin/sleep' })).toBe(false);

    parent.kill('SIGKILL');
    await once(parent, 'exit');
    expect(await servers.isRunning({ pid: parent.pid ?? 0, executable: '/bin/sleep' })).toBe(false);
  });

  test("another user's process, by the name of its program", async () => {
    const name = readFileSync('/proc/1/comm', 'utf8').trim();
    expect(await asNobody(() => servers.isRunning({ pid: 1, executable: `/sbin/${name}` }))).toBe(true);
    expect(await asNobody(() => servers.isRunning({ pid: 1, executable: '/usr/sbin/nginx' }))).toBe(false);
  });
});

describe('holderOf', () => {
  const us = expect.stringMatching(new RegExp(`\\(process ${process.pid}\\)$`));
  const hasIpv6 = existsSync('/proc/net/if_inet6') && readFileSync('/proc/net/if_inet6', 'utf8') !== '';

  test('a free address has none', async () => {
    const port = await listen('127.0.0.1');
    await new Promise((resolve) => [...open][0]?.close(resolve));
    expect(await servers.holderOf('127.0.0.1', port)).toBeUndefined();
  });

  test('the same address, and wildcards on either side', async () => {
    const narrow = await listen('127.0.0.1');
    expect(await servers.holderOf('127.0.0.1', narrow)).toEqual(us);
    expect(await servers.holderOf('0.0.0.0', narrow)).toEqual(us);
    expect(await servers.holderOf('127.0.0.2', narrow)).toBeUndefined();
    const wide = await listen('0.0.0.0');
    expect(await servers.holderOf('127.0.0.1', wide)).toEqual(us);
  });

  test.skipIf(!hasIpv6)('IPv6 in any spelling, and IPv4 only where its socket takes it', async () => {
    const loopback = await listen('::1');
    expect(await servers.holderOf('0:0:0:0:0:0:0:1', loopback)).toEqual(us);
    expect(await servers.holderOf('::', loopback)).toEqual(us);
    expect(await servers.holderOf('127.0.0.1', loopback)).toBeUndefined();
    const both = await listen('::');
    expect(await servers.holderOf('0.0.0.0', both)).toEqual(us);
    const only = await listen('::', true);
    expect(await servers.holderOf('0.0.0.0', only)).toBeUndefined();
  });
});

describe('startAgain', () => {
  const sh = (...args: readonly string[]) => ({ pid: 0, executable: '/bin/sh', argv: ['sh', ...args], cwd: home });

  test('a program that goes into the background is there when it has', async () => {
    const mark = join(home, 'mark');
    await servers.startAgain(sh('-c', 'sleep 3600 & echo "$! $0 $1 $(pwd)" > mark', 'name', 'an argument'));
    const [pid, ...rest] = readFileSync(mark, 'utf8').trim().split(' ');
    expect(rest).toEqual(['name', 'an', 'argument', home]);
    // The shell's child may not have become `sleep` yet.
    await expect.poll(() => servers.isRunning({ pid: Number(pid), executable: '/bin/sleep' })).toBe(true);
    process.kill(Number(pid), 'SIGKILL');
  });

  test('a program that stays in the foreground runs, with its own name for itself and a session of its own', async () => {
    const mark = join(home, 'foreground');
    await servers.startAgain({
      ...sh('-c', `echo $$ > ${mark}; while :; do sleep 1; done`),
      argv: ['my-server', '-c', `echo $$ > ${mark}; while :; do sleep 1; done`],
    });
    const pid = Number(readFileSync(mark, 'utf8'));
    expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')[0]).toBe('my-server');
    expect(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[3]).toBe(String(pid)); // session
    process.kill(pid, 'SIGKILL');
  });

  test('what another user started is not started as root', async () => {
    const mark = join(home, 'foreign');
    await expect(servers.startAgain({ ...sh('-c', `touch ${mark}`), foreign: true })).rejects.toMatchObject({ code: 'EXEC_FAILED' });
    expect(existsSync(mark)).toBe(false);
  });

  test('a program that ends with an error is EXEC_FAILED, and one that is missing EXEC_NOT_FOUND', async () => {
    await expect(servers.startAgain(sh('-c', 'exit 3'))).rejects.toMatchObject({ code: 'EXEC_FAILED', message: expect.stringContaining('exit code 3') });
    await expect(servers.startAgain({ ...sh(), executable: '/nonexistent/nginx' })).rejects.toMatchObject({ code: 'EXEC_NOT_FOUND' });
  });
});
