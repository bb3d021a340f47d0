import type { Programs } from 'certkit/plugin';
import { type Account, commandAs } from './account.ts';
import { type Build, parseBuild } from './build.ts';
import { quietly } from './masters.ts';

export type Answer = { readonly build: Build } | { readonly build: undefined; readonly because: string };

/** What programs say of themselves, each asked once. */
export interface Asker {
  /** `-V`. Somebody else's program is run as them. */
  buildOf(binary: string, account?: Account): Promise<Answer>;
  /** The configuration that `-t` names: the last word of a program that was wrapped or changed, whose `-V` leads nowhere. */
  testedConf(binary: string): Promise<string | undefined>;
  /** Where PATH has a program. */
  onPath(program: string): Promise<string | undefined>;
}

const ASK_TIMEOUT_MS = 10_000;
const TEST_TIMEOUT_MS = 120_000;
const ANY_EXIT_CODE = Array.from({ length: 256 }, (_, code) => code);

export function createAsker(programs: Programs): Asker {
  const answers = new Map<string, Promise<Answer>>();

  const ask = async (binary: string, account: Account | undefined): Promise<Answer> => {
    const command = [binary, '-V'];
    const [file = '', ...args] = account === undefined ? command : commandAs(account, command);
    try {
      const { stdout, stderr } = await programs.run(file, args, { timeoutMs: ASK_TIMEOUT_MS });
      const build = parseBuild(stderr + stdout);
      return build === undefined ? { build, because: `${binary} is not nginx (its answer to -V)` } : { build };
    } catch (error) {
      const { code, message } = error as { code?: string; message?: string };
      const because = code === 'EXEC_NOT_FOUND' ? `${file} is not there` : `${binary} does not answer -V: ${message?.split('\n')[0]}`;
      return { build: undefined, because };
    }
  };

  return {
    buildOf(binary, account) {
      const key = `${account?.uid ?? ''} ${binary}`;
      const answer = answers.get(key) ?? ask(binary, account);
      answers.set(key, answer);
      return answer;
    },
    async testedConf(binary) {
      const result = await quietly(programs.run(binary, ['-t'], { accept: ANY_EXIT_CODE, timeoutMs: TEST_TIMEOUT_MS }));
      return /configuration file (\/.+) (?:syntax is ok|test is successful|test failed)/.exec(`${result?.stderr}${result?.stdout}`)?.[1];
    },
    async onPath(program) {
      const result = await quietly(programs.run('sh', ['-c', 'command -v "$1"', 'sh', program], { accept: ANY_EXIT_CODE, timeoutMs: ASK_TIMEOUT_MS }));
      const path = result?.stdout.trim();
      return path?.startsWith('/') ? path : undefined;
    },
  };
}
