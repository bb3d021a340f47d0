import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dnsProviderCases } from 'certkit/kit';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import exec from '../../../../authenticators/dns/providers/exec.ts';
import { type TempDir, tempDir } from '../../../parts/temp.ts';
import { script } from '../../../plugins/notifiers/script.ts';
import { failureOf, make, never, record } from './subject.ts';

const ZONE = 'example.test';
const NAME = `_acme-challenge.${ZONE}`;

/** Keeps records as lines `FQDN VALUE`, as a program written for lego would keep them somewhere. */
const KEEPER = `
cd "$(dirname "$0")"; touch records
line="$2 $3"
grep -vxF -- "$line" records >others
case "$1" in
  present) { cat others; echo "$line"; } >records ;;
  cleanup) mv others records ;;
  *) exit 64 ;;
esac`;

let dir: TempDir;
beforeEach(() => {
  dir = tempDir();
});
afterEach(() => dir.remove());

function recordsAt(name: string): string[] {
  const path = join(dir.path, 'records');
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, 'utf8').split('\n');
  return lines.filter((line) => line.startsWith(`${name}. `)).map((line) => line.slice(name.length + 2));
}

function environment(text: string, mode = 0o600): string {
  const path = join(dir.path, 'environment');
  writeFileSync(path, text, { mode });
  return path;
}

describe('exec', () => {
  for (const { title, run } of dnsProviderCases) {
    test(title, async () => {
      const program = script(dir.path, 'keep', KEEPER);
      const provider = make(exec, { program });
      await run({
        provider,
        later: make(exec, { program }),
        zone: ZONE,
        names: [NAME, `_acme-challenge.www.${ZONE}`],
        takes: 'any-text',
        removes: true,
        place: (one) => provider.append(ZONE, [one], never),
        observe: async (name) => recordsAt(name),
      });
    });
  }

  test('calls the program as lego does, once for each record, in turn', async () => {
    const program = script(dir.path, 'tell', `echo "$# $1 $2 $3" >>${dir.path}/calls`);
    const provider = make(exec, { program });
    await provider.append(ZONE, [record(NAME, '-v1'), record(NAME, 'v2')], never);
    await provider.remove(ZONE, [record(NAME, '-v1')], never);
    expect(readFileSync(join(dir.path, 'calls'), 'utf8')).toBe(`3 present ${NAME}. -v1\n3 present ${NAME}. v2\n3 cleanup ${NAME}. -v1\n`);
  });

  test('puts arguments of the option before them', async () => {
    const program = script(dir.path, 'tell', `echo "$@" >>${dir.path}/calls`);
    await make(exec, { program: `${program} --account 'of mine'` }).append(ZONE, [record(NAME, 'v')], never);
    expect(readFileSync(join(dir.path, 'calls'), 'utf8')).toBe(`--account of mine present ${NAME}. v\n`);
  });

  test('gives the program the variables of the file, and of the rest PATH alone', async () => {
    const program = script(dir.path, 'tell', `env >${dir.path}/env`);
    const file = environment('# credentials\n\nAPI_TOKEN="s3cret $HOME"\nexport API_USER=me\n');
    await make(exec, { program, 'environment-file': file }).append(ZONE, [record(NAME, 'v')], never);
    const variables = readFileSync(join(dir.path, 'env'), 'utf8').split('\n');
    expect(variables).toEqual(expect.arrayContaining(['API_TOKEN=s3cret $HOME', 'API_USER=me']));
    expect(variables.map((line) => line.split('=')[0])).not.toContain('HOME');
  });

  test('tries to remove every record, also when one cannot be removed', async () => {
    const program = script(dir.path, 'stubborn', `echo "$3" >>${dir.path}/calls; [ "$3" != v1 ]`);
    const { message } = await failureOf(make(exec, { program }).remove(ZONE, [record(NAME, 'v1'), record(NAME, 'v2')], never));
    expect(message).toContain('ended with exit code 1');
    expect(readFileSync(join(dir.path, 'calls'), 'utf8')).toBe('v1\nv2\n');
  });

  test('is ended with the run', async () => {
    const abort = new AbortController();
    const program = script(dir.path, 'endless', `touch ${dir.path}/started; exec sleep 600`);
    const work = make(exec, { program }).append(ZONE, [record(NAME, 'v')], abort.signal);
    await expect.poll(() => existsSync(join(dir.path, 'started')), { timeout: 30_000 }).toBe(true);
    abort.abort(new Error('stopped by hand'));
    await expect(work).rejects.toThrow('stopped by hand');
  });
});

describe('exec explains', () => {
  test('a failure in the words of the program, without its secrets', async () => {
    const program = script(dir.path, 'fail', `printf '\\033[31mno such zone for %s\\007\\n' "$API_TOKEN" >&2; exit 3`);
    const failure = await failureOf(
      make(exec, { program, 'environment-file': environment('API_TOKEN=s3cret-token') }).append(ZONE, [record(NAME, 'v')], never),
    );
    expect(failure.code).toBe('PLUGIN_DNS_FAILED');
    expect(failure.message).toBe(`exec could not change the records of ${ZONE}: ${program} present ${NAME}. ended with exit code 3: no such zone for ****`);
  });

  test('a program that is not there', async () => {
    const { message } = await failureOf(make(exec, { program: join(dir.path, 'none') }).append(ZONE, [record(NAME, 'v')], never));
    expect(message).toContain(`the program ${dir.path}/none is not there`);
  });

  test('a program without its path', async () => {
    const { code, message } = await failureOf(() => make(exec, { program: 'set-record' }));
    expect(code).toBe('PLUGIN_OPTION_INVALID');
    expect(message).toContain('absolute path');
  });

  test('a name that a shell script could take for more', async () => {
    const program = script(dir.path, 'tell', `echo >>${dir.path}/calls`);
    const { message } = await failureOf(make(exec, { program }).append(ZONE, [record(`$(reboot).${ZONE}`, 'v')], never));
    expect(message).toContain('has characters that it does not take');
    expect(existsSync(join(dir.path, 'calls'))).toBe(false);
  });

  const files: readonly [string, string, number, RegExp][] = [
    ['that others can read', 'A=b', 0o640, /environment is open to others \(mode 0640\)/],
    ['with a line that is none', 'A=b\ns3cret', 0o600, /environment:2: this is no NAME=value/],
    ['that would change what runs', 'LD_PRELOAD=/tmp/x.so', 0o600, /environment:1: LD_PRELOAD cannot be set here/],
  ];
  test.each(files)('an environment file %s', async (_, text, mode, because) => {
    const program = script(dir.path, 'tell', 'exit 0');
    const failure = await failureOf(make(exec, { program, 'environment-file': environment(text, mode) }).append(ZONE, [record(NAME, 'v')], never));
    expect(failure.code).toBe('PLUGIN_OPTION_INVALID');
    expect(failure.message).toMatch(because);
    expect(failure.message).not.toContain('s3cret');
  });

  test('an environment file that is not there, or that others could replace', async () => {
    const program = script(dir.path, 'tell', 'exit 0');
    const reading = (path: string) => failureOf(make(exec, { program, 'environment-file': path }).append(ZONE, [record(NAME, 'v')], never));
    expect((await reading(join(dir.path, 'none'))).message).toContain('is not there');
    const open = join(dir.path, 'open');
    mkdirSync(open);
    chmodSync(open, 0o777);
    writeFileSync(join(open, 'environment'), 'A=b', { mode: 0o600 });
    expect((await reading(join(open, 'environment'))).message).toContain(`they may write to ${open}`);
  });
});
