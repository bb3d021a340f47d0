import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createExecutor } from '../../core/edges/exec.ts';
import { scratch } from './scratch.ts';

const PATH = '/usr/sbin:/usr/bin:/sbin:/bin';
const { run } = createExecutor({ path: PATH });
const folder = scratch();

test('arguments reach the program as they are, and no shell sees them', async () => {
  const { stdout } = await run('printf', ['%s|', '$HOME', '`id`', "it's", '']);
  expect(stdout).toBe("$HOME|`id`|it's||");
});

test('the program sees PATH and the locale, and nothing else of the environment', async () => {
  const { stdout } = await run('env', []);
  expect(stdout.trim().split('\n').sort()).toEqual(['LC_ALL=C', `PATH=${PATH}`]);
});

test('variables are given beside them, and change neither', async () => {
  const { stdout } = await run('env', [], { variables: { CERTKIT_EVENT: 'deployed', PATH: '/elsewhere' } });
  expect(stdout.trim().split('\n').sort()).toEqual(['CERTKIT_EVENT=deployed', 'LC_ALL=C', `PATH=${PATH}`]);
});

test('input is given, and without one stdin is at its end', async () => {
  expect((await run('cat', [], { input: 'words\n' })).stdout).toBe('words\n');
  expect((await run('cat', [])).stdout).toBe('');
});

test('an exit code that is accepted is an answer', async () => {
  const result = await run('sh', ['-c', 'echo out; echo err >&2; exit 3'], { accept: [0, 3] });
  expect(result).toEqual({ exitCode: 3, stdout: 'out\n', stderr: 'err\n' });
});

test('any other is EXEC_FAILED with the command and the last words of the program', async () => {
  const failing = run('sh', ['-c', 'yes words | head -c 100000 >&2; echo last >&2; exit 4']);
  const error = await failing.catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'EXEC_FAILED' });
  const { message } = error as Error;
  expect(message).toContain("sh -c 'yes words");
  expect(message).toContain('exit code 4');
  expect(message).toMatch(/last$/);
  expect(message.length).toBeLessThan(3_000);
});

test('a program that only talks on stdout is quoted from there', async () => {
  await expect(run('sh', ['-c', 'echo broken at line 7; exit 1'])).rejects.toThrow('broken at line 7');
});

test('a program that is not there is EXEC_NOT_FOUND, on PATH or by its full name', async () => {
  await expect(run('certkit-no-such-program', [])).rejects.toMatchObject({ code: 'EXEC_NOT_FOUND' });
  await expect(run('/nonexistent/program', [])).rejects.toMatchObject({ code: 'EXEC_NOT_FOUND' });
  await expect(run('./program', [], { cwd: folder })).rejects.toMatchObject({ code: 'EXEC_NOT_FOUND' });
});

test('a missing interpreter, a missing directory and a missing right are not a missing program', async () => {
  const script = join(folder, 'script');
  writeFileSync(script, '#!/nonexistent/interpreter\n');
  await expect(run(script, [])).rejects.toMatchObject({ code: 'EXEC_FAILED' });
  chmodSync(script, 0o755);
  await expect(run(script, [])).rejects.toThrow(/interpreter/);
  await expect(run('true', [], { cwd: '/nonexistent' })).rejects.toMatchObject({ code: 'EXEC_FAILED' });
});

test('a directory of PATH that may not be searched hides nothing', async () => {
  const closed = join(folder, 'closed');
  mkdirSync(closed, { mode: 0 });
  const { run: runThere } = createExecutor({ path: `${closed}:${PATH}` });
  expect((await runThere('printf', ['found'])).stdout).toBe('found');
  await expect(runThere('certkit-no-such-program', [])).rejects.toMatchObject({ code: 'EXEC_NOT_FOUND' });
});

test('a program that does not end is stopped, with its limit in the message', async () => {
  await expect(run('sleep', ['3600'], { timeoutMs: 50 })).rejects.toThrow('did not end within 0.05 seconds');
});

test('an abort stops the program and rejects with the reason of the signal', async () => {
  const controller = new AbortController();
  const reason = new Error('enough');
  const running = run('sleep', ['3600'], { signal: controller.signal });
  setTimeout(() => controller.abort(reason), 20);
  await expect(running).rejects.toBe(reason);
});

test('a child in the background that keeps the pipes open does not hold the run', async () => {
  const { stdout } = await run('sh', ['-c', 'echo started; sleep 120 & echo $!'], { timeoutMs: 50_000 });
  const [first, pid] = stdout.trim().split('\n');
  process.kill(Number(pid)); // it still runs: the run did not wait for it, and did not end it
  expect(first).toBe('started');
});

test('a large output arrives whole', async () => {
  const { stdout } = await run('sh', ['-c', 'head -c 50000000 /dev/zero | tr "\\0" x; echo; echo end']);
  expect(stdout.length).toBe(50_000_005);
  expect(stdout.endsWith('\nend\n')).toBe(true);
});

test('bytes that are no UTF-8 arrive as replacement characters', async () => {
  expect((await run('printf', ['caf\\351'])).stdout).toBe('caf\ufffd');
});
