import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { tempDir } from '../parts/temp.ts';
import { type AtTerminal, atTerminal, type TerminalOptions } from './at-terminal.ts';
import { type Home, temporaryHome } from './certkit.ts';
import { expectFault } from './faults.ts';

const YAML = `# The shop.
identifiers: [shop.example]   # one
ca: https://ca.example/directory
authenticator: {plugin: webroot, root: /srv/www}
`;

interface Desk {
  readonly home: Home;
  readonly path: string;
  text(): string;
  write(text: string): void;
  /** What has not been saved. */
  drafts(): readonly string[];
  /** Edits it at a terminal; each step is a shell script that gets the file as `$1` when the editor is opened the next time. */
  edit(steps: readonly string[], answers?: TerminalOptions['answers'], args?: readonly string[]): Promise<AtTerminal>;
}

function openDesk(file = 'lineages/shop.yaml', text = YAML): Desk {
  const home = temporaryHome();
  const own = tempDir();
  onTestFinished(() => {
    home.remove();
    own.remove();
  });
  mkdirSync(join(home.path, 'lineages'), { recursive: true, mode: 0o700 });
  chmodSync(home.path, 0o700);
  const path = join(home.path, file);
  const write = (content: string) => writeFileSync(path, content, { mode: 0o600 });
  write(text);
  const editor = join(own.path, 'my editor');
  // It becomes the step: a signal for the editor is one for what it does.
  writeFileSync(
    editor,
    `#!/bin/sh
[ "$1" = --wait ] || exit 9
export CERTKIT_PID=$PPID
for step in "${own.path}"/step-*; do mv "$step" "${own.path}/now"; exec sh -eu "${own.path}/now" "$2"; done
exit 8
`,
    { mode: 0o755 },
  );
  return {
    home,
    path,
    write,
    text: () => readFileSync(path, 'utf8'),
    drafts: () => readdirSync(join(home.path, 'state/drafts'), { recursive: true, encoding: 'utf8' }).filter((entry) => entry.endsWith('.yaml')),
    edit(steps, answers = [], args = ['edit', 'shop']) {
      for (const [at, step] of steps.entries()) writeFileSync(join(own.path, `step-${at}`), step);
      return atTerminal(home.path, args, { answers, env: { VISUAL: '', EDITOR: `'${editor}' --wait` } });
    },
  };
}

const AGAIN = /Edit it again\?/;

test('a change is saved once the editor is closed; it was made in a private copy', async () => {
  const desk = openDesk();
  const { exitCode, screen } = await desk.edit([
    'stat -c "copy %a %n" "$1"; stat -c "folder %a" "$(dirname "$1")"; echo "backup" > "$1~"; sed -i "s/^ca:.*/&  # theirs/" "$1"; echo "renew_before: 20%" >> "$1"',
  ]);
  expect(exitCode, screen).toBe(0);
  expect(desk.text()).toBe(`${YAML.replace('directory\n', 'directory  # theirs\n')}renew_before: 20%\n`);
  expect(statSync(desk.path).mode & 0o777).toBe(0o600);
  expect(screen).toContain(`copy 600 ${desk.home.path}/state/drafts/`);
  expect(screen).toContain('folder 700');
  expect(screen).toContain('+renew_before: 20%');
  expect(screen).toContain('"certkit explain shop" shows them');
  expect(readdirSync(join(desk.home.path, 'state/drafts'))).toEqual([]);
});

test('no change says so', async () => {
  const desk = openDesk();
  const { exitCode, screen } = await desk.edit(['true']);
  expect(exitCode, screen).toBe(0);
  expect(screen).toContain('Nothing was changed.');
  expect(desk.text()).toBe(YAML);
  expect(desk.drafts()).toEqual([]);
});

describe('a text with a fault', () => {
  const faults: readonly (readonly [title: string, step: string, told: RegExp])[] = [
    ['an unknown key', 'echo "renew_befor: 20%" >> "$1"', /shop\.yaml:5: "renew_befor" is not known here/],
    ['a tab', 'printf "permissions:\\n\\towner: x\\n" >> "$1"', /shop\.yaml:6: .*Tabs/],
    ['a value that does not fit', 'sed -i s,https:,http:, "$1"', /shop\.yaml:3: ca: .*https/],
    ['an option that its plugin does not know', 'sed -i s/root:/rot:/ "$1"', /shop\.yaml:4: authenticator\.rot: there is no such option/],
    ['a name that its authenticator cannot prove', 'sed -i "s/\\[shop/[\\"*.a.example\\", shop/" "$1"', /shop\.yaml:2: webroot cannot prove \*\.a\.example/],
    ['a plugin that nobody has', 'sed -i s/webroot/telepathy/ "$1"', /shop\.yaml:4: .*telepathy/],
    ['no text', 'printf "#\\344\\n" >> "$1"', /UTF-8/],
    ['nothing left', ': > "$1"', /"key: value" members are wanted/],
  ];
  for (const [title, step, told] of faults) {
    test(`(${title}) is told with its line, and is opened again`, async () => {
      const desk = openDesk();
      const good = `${YAML}# good\n`;
      const { exitCode, screen } = await desk.edit([step, `cat > "$1" <<'END'\n${good}END\n`], [[AGAIN, 'y\r']]);
      expect(screen).toMatch(told);
      expect(exitCode, screen).toBe(0);
      expect(desk.text()).toBe(good);
      expect(desk.drafts()).toEqual([]);
    });
  }

  test('is kept when the person leaves it, and told about the next time', async () => {
    const desk = openDesk();
    const { exitCode, screen } = await desk.edit(['echo "renew_befor: 20%" >> "$1"'], [[AGAIN, 'n\r']]);
    expect(exitCode, screen).toBe(2);
    expect(screen).toContain('USAGE_EDIT_KEPT');
    expect(desk.text()).toBe(YAML);
    const [kept = ''] = desk.drafts();
    const draft = join(desk.home.path, 'state/drafts', kept);
    expect(screen).toContain(draft);
    expect(readFileSync(draft, 'utf8')).toBe(`${YAML}renew_befor: 20%\n`);

    const next = await desk.edit(['true']);
    expect(next.screen).toContain(draft);
  });
});

test('a file that somebody else changed meanwhile stays theirs, and the text is kept', async () => {
  const desk = openDesk();
  const { exitCode, screen } = await desk.edit([`echo "# mine" >> "$1"; echo "# theirs" >> '${desk.path}'`]);
  expect(exitCode, screen).toBe(2);
  expect(screen).toContain('was changed by somebody else');
  expect(desk.text()).toBe(`${YAML}# theirs\n`);
  const [kept = ''] = desk.drafts();
  expect(readFileSync(join(desk.home.path, 'state/drafts', kept), 'utf8')).toBe(`${YAML}# mine\n`);
});

test('an editor that fails changes nothing, and what was typed is kept', async () => {
  const desk = openDesk();
  const failed = await desk.edit(['exit 3']);
  expect(failed.exitCode, failed.screen).toBe(6);
  expect(failed.screen).toMatch(/EXEC_FAILED: .*exit code 3/);
  expect(desk.drafts()).toEqual([]);

  const late = await desk.edit(['echo "# typed" >> "$1"; exit 3']);
  expect(late.exitCode, late.screen).toBe(2);
  expect(desk.drafts()).toHaveLength(1);
  expect(desk.text()).toBe(YAML);
});

test('a run that is told to stop ends the editor and says where the text is', async () => {
  const desk = openDesk();
  const { exitCode, screen } = await desk.edit(['echo "# typed" >> "$1"; kill -TERM "$CERTKIT_PID"; exec sleep 3600']);
  expect(exitCode, screen).toBe(130);
  const [kept = ''] = desk.drafts();
  expect(screen).toContain(`Your text is kept in ${join(desk.home.path, 'state/drafts', kept)}`);
  expect(desk.text()).toBe(YAML);
});

test('a file that is broken is opened and mended', async () => {
  const desk = openDesk('lineages/shop.yaml', `${YAML}\trenew_before: 20%\n`);
  const { exitCode, screen } = await desk.edit(['sed -i "s/\\t//" "$1"']);
  expect(exitCode, screen).toBe(0);
  expect(desk.text()).toBe(`${YAML}renew_before: 20%\n`);
});

test('certkit.yaml is edited alike: channels are judged by their plugins, and secrets are shown to nobody', async () => {
  const secret = 'https://hooks.example/T0PSECRET';
  const desk = openDesk('certkit.yaml', 'ca: https://ca.example/directory\n');
  const { exitCode, screen } = await desk.edit(
    [`printf "notify:\\n  - plugin: webhook\\n    adress: ${secret}\\n" >> "$1"`, 'sed -i s/adress/url/ "$1"'],
    [[AGAIN, '\r']],
    ['edit', '--system'],
  );
  expect(screen).toMatch(/certkit\.yaml:4: notify\.0\.adress: there is no such option/);
  expect(exitCode, screen).toBe(0);
  expect(desk.text()).toContain(`    url: ${secret}\n`);
  expect(screen).toContain('+    url: **** (another)');
  expect(screen).not.toContain('T0PSECRET');

  const other = await desk.edit([`sed -i 's,url: .*,url: "https://hooks.example/T0P\\\\x53ECRET"  # new,' "$1"`], [], ['edit', '--system']);
  expect(desk.text()).toContain('T0P\\x53ECRET');
  expect(other.screen).toContain('-    url: ****\n+    url: ****  # new\n');
});

test('without a terminal the error names "set"', async () => {
  const { hint } = await expectFault(openDesk().home, ['edit', 'shop'], 'USAGE_NO_TERMINAL');
  expect(hint).toContain('certkit set shop KEY=VALUE');
});

test('an editor that asks for a shell, and one that is not there', async () => {
  const desk = openDesk();
  const open = (EDITOR: string) => atTerminal(desk.home.path, ['edit', 'shop'], { env: { EDITOR } });
  expect((await open('vi; touch /tmp/x')).screen).toMatch(/USAGE_INVALID: VISUAL or EDITOR is no editor: ";" asks for a shell/);
  expect((await open('/nowhere/vi')).screen).toContain('EXEC_NOT_FOUND: The program /nowhere/vi is not there');
  expect((await atTerminal(desk.home.path, ['edit', 'nobody'])).screen).toContain('USAGE_NO_LINEAGE');
});
