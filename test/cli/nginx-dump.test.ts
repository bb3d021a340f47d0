import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { nginxDumpCommand } from '../../core/cli/nginx-command.ts';
import { fault, isCertkitError } from '../../core/errors.ts';

/** The command with a composition that prints what it was asked for. */
async function run(flags: Parameters<typeof nginxDumpCommand>[0], status: 'ok' | 'failed' = 'ok') {
  let printed = '';
  const terminal = {
    out: (text: string) => {
      printed += text;
    },
  };
  const dumpNginx = async (request: object, write: (text: string) => Promise<void>) => {
    await write(JSON.stringify(request));
    return status;
  };
  const exitCode = await nginxDumpCommand(flags, { terminal, certkit: { dumpNginx } });
  return { exitCode, request: JSON.parse(printed) };
}

const whole = { singleFile: false, comments: false };
const table: readonly [string, Parameters<typeof nginxDumpCommand>[0], object][] = [
  ['nothing', {}, whole],
  ['a relative --conf: here', { conf: 'a/nginx.conf' }, { conf: resolve('a/nginx.conf'), ...whole }],
  ['a relative --conf with --prefix: there', { conf: 'a/nginx.conf', prefix: '/p' }, { conf: '/p/a/nginx.conf', prefix: '/p', ...whole }],
  ['a --conf of its own', { conf: '/n/nginx.conf', prefix: '/p/' }, { conf: '/n/nginx.conf', prefix: '/p', ...whole }],
  ['a prefix alone, relative', { prefix: 'p' }, { prefix: resolve('p'), ...whole }],
  ['the switches', { singleFile: true, comments: true }, { singleFile: true, comments: true }],
];
for (const [title, flags, request] of table) {
  test(`what is asked for: ${title}`, async () => expect(await run(flags)).toEqual({ exitCode: 0, request }));
}

test('a payload that failed is exit code 5', async () => expect((await run({}, 'failed')).exitCode).toBe(5));

test('who has no nginx, or several, is told of -c', async () => {
  const dumpNginx = () => Promise.reject(fault('INSTALLER_AMBIGUOUS', { installer: 'nginx', found: ['a', 'b'] }));
  const thrown = await nginxDumpCommand({}, { terminal: { out: () => {} }, certkit: { dumpNginx } }).catch((error: unknown) => error);
  expect(isCertkitError(thrown) && { code: thrown.code, message: thrown.message, hint: thrown.hint }).toEqual({
    code: 'INSTALLER_AMBIGUOUS',
    message: 'nginx found more than one server: a, b',
    hint: 'Name the main configuration file with "certkit nginx dump -c FILE".',
  });
});
