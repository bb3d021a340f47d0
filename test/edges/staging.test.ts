import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { createExecutor } from '../../core/edges/exec.ts';
import { createStaging } from '../../core/edges/staging.ts';
import type { Executor, Staging } from '../../core/ports.ts';
import { scratch } from './scratch.ts';

const uid = process.getuid?.() ?? 0;
const executor = createExecutor({ path: '/usr/sbin:/usr/bin:/sbin:/bin' });
const NOBODY = 65_534;

/** Runs everything as another user, as if certkit had been started by them. */
const asNobody: Executor = {
  run: (file, args, options) => executor.run('setpriv', [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', file, ...args], options),
};
const mayMount = (...words: readonly string[]) => spawnSync(words[0] ?? '', words.slice(1), { stdio: 'ignore' }).status === 0;

const subjects: readonly [string, Staging, boolean, number][] = [
  [
    uid === 0 ? 'as root' : 'as a plain user',
    createStaging({ executor, uid }),
    uid === 0 ? mayMount('unshare', '--mount', 'true') : mayMount('unshare', '--map-root-user', '--mount', 'true'),
    uid,
  ],
  [
    'as another plain user',
    createStaging({ executor: asNobody, uid: NOBODY }),
    uid === 0 && mayMount('setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', 'unshare', '--map-root-user', '--mount', 'true'),
    NOBODY,
  ],
];

let home: string;
const at = (...names: readonly string[]) => join(home, ...names);
beforeEach(() => {
  home = scratch();
  chmodSync(home, 0o755);
  writeFileSync(at('real'), 'real\n');
  writeFileSync(at('staged'), 'staged\n');
});

for (const [who, staging, isAble, ownUid] of subjects) {
  describe.skipIf(!isAble)(who, () => {
    async function open(overlays: Parameters<Staging['open']>[0]): Promise<Executor> {
      const opened = await staging.open(overlays);
      if ('unavailable' in opened) throw new Error(opened.unavailable);
      return opened.programs;
    }
    const overlay = () => open([{ real: at('real'), staged: at('staged') }]);

    test('programs see the staged bytes, and nobody else does', async () => {
      const programs = await overlay();
      expect((await programs.run('cat', [at('real')])).stdout).toBe('staged\n');
      expect(readFileSync(at('real'), 'utf8')).toBe('real\n');
      expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(home);
    });

    test('a directory of links is overlaid; they lead on from where they are mounted', async () => {
      for (const version of ['1', '2']) {
        mkdirSync(at('archive', version), { recursive: true });
        writeFileSync(at('archive', version, 'cert'), version);
      }
      mkdirSync(at('live'));
      symlinkSync('../archive/1', at('live', 'site'));
      mkdirSync(at('state', 'live'), { recursive: true });
      symlinkSync('../archive/2', at('state', 'live', 'site'));
      const programs = await open([{ real: at('live'), staged: at('state', 'live') }]);
      expect((await programs.run('cat', [at('live', 'site', 'cert')])).stdout).toBe('2');
      expect(readFileSync(at('live', 'site', 'cert'), 'utf8')).toBe('1');
    });

    test('a file in an overlaid directory is overlaid as well, in whatever order they come', async () => {
      mkdirSync(at('directory'));
      writeFileSync(at('directory', 'file'), 'real');
      mkdirSync(at('other'));
      writeFileSync(at('other', 'file'), 'other');
      const programs = await open([
        { real: at('directory', 'file'), staged: at('staged') },
        { real: at('directory'), staged: at('other') },
      ]);
      expect((await programs.run('cat', [at('directory', 'file')])).stdout).toBe('staged\n');
    });

    test('paths are data, never shell', async () => {
      const odd = at(`o'dd $(touch ${at('pwned')}) name`.replaceAll('/', '_'));
      writeFileSync(odd, 'real');
      const programs = await open([{ real: odd, staged: at('staged') }]);
      expect((await programs.run('cat', [odd])).stdout).toBe('staged\n');
      expect((await programs.run('printf', ['%s', '$(id) `id` "x"'])).stdout).toBe('$(id) `id` "x"');
      expect(existsSync(at('pwned'))).toBe(false);
    });

    test('the program has the user that we have, and no more rights than it', async () => {
      const programs = await overlay();
      expect((await programs.run('id', ['-u'])).stdout.trim()).toBe(String(ownUid));
      const status = (await programs.run('cat', ['/proc/self/status'])).stdout;
      if (ownUid !== 0) expect(status).toMatch(/^CapEff:\s*0+$/m);
      if (ownUid !== 0) await expect(programs.run('umount', [at('real')])).rejects.toMatchObject({ code: 'EXEC_FAILED' });
    });

    test('exit codes, output, input and directory are those of the program', async () => {
      const programs = await overlay();
      expect(await programs.run('sh', ['-c', 'cat; echo err >&2; exit 3'], { accept: [3], input: 'in' })).toEqual({
        exitCode: 3,
        stdout: 'in',
        stderr: 'err\n',
      });
      mkdirSync(at('work'));
      mkdirSync(at('other'));
      writeFileSync(at('other', 'here'), '');
      const inside = await open([{ real: at('work'), staged: at('other') }]);
      expect((await inside.run('ls', [], { cwd: at('work') })).stdout).toBe('here\n');
    });

    test('an error shows the program and not what surrounds it', async () => {
      const programs = await overlay();
      const error: unknown = await programs.run('sh', ['-c', 'echo no >&2; exit 1']).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'EXEC_FAILED', message: "sh -c 'echo no >&2; exit 1': it ended with exit code 1\nno" });
      await expect(programs.run('certkit-no-such-program', [])).rejects.toMatchObject({ code: 'EXEC_NOT_FOUND' });
    });

    test('what cannot be overlaid is said so', async () => {
      const opened = await staging.open([{ real: at('none'), staged: at('staged') }]);
      expect(opened).toEqual({ unavailable: expect.stringContaining(at('none')) });
    });
  });
}

test('without the programs for it there is a reason and no exception', async () => {
  const bare = createStaging({ executor: createExecutor({ path: '/nonexistent' }), uid });
  expect(await bare.open([{ real: at('real'), staged: at('staged') }])).toEqual({ unavailable: expect.stringContaining('unshare') });
});
