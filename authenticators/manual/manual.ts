import { boolean, command, integer, port, text } from 'certkit/options';
import {
  type AuthenticatorContext,
  type ChallengeTask,
  type ChallengeType,
  defineAuthenticator,
  type ForeseeingAuthenticator,
  type Identifier,
  type Presented,
  pluginFault,
} from 'certkit/plugin';
import { createdByHand } from './by-hand.ts';
import { type Hooks, runAuthHook, runCleanupHook } from './hooks.ts';
import { instructionText, neededFor } from './instruction.ts';
import { type Looking, lookFor } from './look.ts';

const CHALLENGES = ['http-01', 'dns-01', 'dns-account-01', 'dns-persist-01'] as const;

type ManualChallenge = (typeof CHALLENGES)[number];

/** A person presses Enter when they think that it is there: servers that lag by a moment are waited for. */
const PATIENCE_MS = 20_000;

export default defineAuthenticator({
  name: 'manual',
  summary: 'Tells you what to create and waits for it, or has your own scripts create it',
  options: {
    challenge: text('http-01, dns-01, dns-account-01 or dns-persist-01; http-01 when not given, and dns-01 for wildcards'),
    'auth-hook': command('A program that creates what is asked for; it is told as hooks of certbot are (CERTBOT_DOMAIN, CERTBOT_VALIDATION, ...)'),
    'cleanup-hook': command('A program that removes it again'),
    'hook-timeout': integer('How many seconds a hook may take', { default: 600 }),
    check: boolean('Look for it before the CA is told', { default: true }),
    'check-port': port('Where the CA asks over HTTP: port 80, but for CAs for tests', { default: 80 }),
    'propagation-timeout': integer('How many seconds the servers of a zone may take to show what a hook has created', { default: 300 }),
  },

  create(options, context): ForeseeingAuthenticator<ManualChallenge> {
    const { programs, person, log, clock } = context;
    const challenge = readChallenge(options.challenge);
    const hooks = readHooks(options);
    const looking = (dnsLimitMs: number, signal: AbortSignal): Looking | undefined =>
      options.check ? { port: options['check-port'], dnsLimitMs, signal } : undefined;
    let last: Promise<unknown> = Promise.resolve();

    /** One after the other: hooks of certbot expect that, and a person reads one list at a time. */
    function inTurn<T>(work: () => Promise<T>): Promise<T> {
      const turn = last.then(work, work);
      last = turn.catch(() => {});
      return turn;
    }

    /** A record that stays may be there already, and then nobody has to make it. */
    async function standing(tasks: readonly ChallengeTask[], signal: AbortSignal): Promise<ReadonlySet<ChallengeTask>> {
      const durable = tasks.filter(({ type }) => type === 'dns-persist-01');
      const sights = await lookFor(durable, { port: options['check-port'], dnsLimitMs: 0, signal }, context);
      return new Set(durable.filter((_, at) => sights[at]?.kind === 'right'));
    }

    async function byHooks(tasks: readonly ChallengeTask[], hooks: Hooks, signal: AbortSignal): Promise<ReadonlyMap<ChallengeTask, Presented>> {
      const presented = new Map<ChallengeTask, Presented>();
      await inTurn(async () => {
        const needed = neededFor(tasks, clock.nowMs());
        for (const task of needed) {
          signal.throwIfAborted();
          presented.set(task, await runAuthHook(task, needed, hooks, programs, signal).catch((thrown: unknown) => asError(thrown, signal)));
        }
      });
      const look = looking(options['propagation-timeout'] * 1000, signal);
      const created = tasks.filter((task) => !(presented.get(task) instanceof Error));
      const sights = look === undefined ? [] : await lookFor(created, look, context);
      for (const [at, sight] of sights.entries()) {
        const task = created[at];
        if (task === undefined || sight.kind === 'right') continue;
        if (sight.kind === 'unseen') log.warn(`manual: the proof for ${task.identifier.value} could not be looked for: ${sight.because}`);
        else presented.set(task, unseen(task, `the hook ended well, and ${sight.because}`));
      }
      return presented;
    }

    async function byPerson(tasks: readonly ChallengeTask[], signal: AbortSignal): Promise<ReadonlyMap<ChallengeTask, Presented>> {
      if (tasks.length === 0) return new Map();
      if (person === undefined) return new Map(tasks.map((task) => [task, nobodyThere(task, neededFor(sameLineage(task, tasks), clock.nowMs()))]));
      await inTurn(() => createdByHand(tasks, person, looking(PATIENCE_MS, signal), context));
      return new Map();
    }

    return {
      unattended: hooks !== undefined || challenge === 'dns-persist-01',
      concurrency: 'any',
      foresees: true,

      assess(identifier) {
        const type = challenge ?? (identifier.wildcard ? 'dns-01' : 'http-01');
        const because = unableBy(type, identifier);
        return because === undefined ? { able: true, challenges: [type] } : { able: false, because };
      },

      async foresee() {
        if (hooks === undefined && person === undefined && challenge !== 'dns-persist-01')
          throw pluginFault(
            'PLUGIN_PRESENT_FAILED',
            'manual asks a person, and none is at a terminal',
            'Run it at a terminal, or give a program with --manual-auth-hook.',
          );
        for (const [option, argv] of [
          ['auth-hook', hooks?.auth],
          ['cleanup-hook', hooks?.cleanup],
        ] as const)
          await requireProgram(option, argv, context);
      },

      async present(tasks, signal) {
        signal.throwIfAborted();
        const there = await standing(tasks, signal);
        const wanted = tasks.filter((task) => !there.has(task));
        const presented = hooks === undefined ? await byPerson(wanted, signal) : await byHooks(wanted, hooks, signal);
        return tasks.map((task) => presented.get(task) ?? {});
      },

      remove: (task, receipt) =>
        inTurn(async () => {
          if (hooks !== undefined) await runCleanupHook(task, receipt, hooks, programs);
          else person?.show(`${task.identifier.value}: what you created for it may go now.`);
        }),
    };
  },
});

function readChallenge(challenge: string | undefined): ManualChallenge | undefined {
  const known = CHALLENGES.find((type) => type === challenge);
  if (challenge === undefined || known !== undefined) return known;
  throw invalid('challenge', `it is none of ${CHALLENGES.join(', ')}`, 'Leave it out for http-01, and dns-01 for wildcards.');
}

function readHooks(
  options: Readonly<Record<'auth-hook' | 'cleanup-hook', readonly string[] | undefined>> & { readonly 'hook-timeout': number },
): Hooks | undefined {
  const { 'auth-hook': auth, 'cleanup-hook': cleanup, 'hook-timeout': seconds } = options;
  if (seconds < 1) throw invalid('hook-timeout', 'it is less than a second', 'Give a number of seconds from 1 on.');
  if (auth === undefined && cleanup !== undefined)
    throw invalid('cleanup-hook', 'there is no auth-hook whose work it could remove', 'Give --manual-auth-hook as well.');
  return auth === undefined ? undefined : { auth, ...(cleanup === undefined ? {} : { cleanup }), timeoutMs: seconds * 1000 };
}

const invalid = (option: string, because: string, hint: string) => pluginFault('PLUGIN_OPTION_INVALID', `Option "${option}" of manual: ${because}`, hint);

function unableBy(type: ChallengeType, { kind, wildcard }: Identifier): string | undefined {
  if (type === 'http-01') return wildcard ? 'http-01 cannot prove a wildcard name; leave --manual-challenge out, or use dns-01' : undefined;
  return kind === 'ip' ? 'an IP address cannot be proven by DNS records (RFC 8738 section 7)' : undefined;
}

/** A slip in a path is told before the CA is asked. */
async function requireProgram(option: string, argv: readonly string[] | undefined, { files }: AuthenticatorContext): Promise<void> {
  const [file = ''] = argv ?? [];
  if (!file.includes('/')) return; // looked up in PATH when it is run
  const facts = await files.facts(file, 'follow');
  if (facts?.type === 'file' && (facts.mode & 0o111) !== 0) return;
  const because = facts === undefined ? 'is not there' : facts.type === 'file' ? 'is not executable' : 'is no file';
  throw invalid(option, `${file} ${because}`, 'Give the path of a program, and its arguments after it; a script needs its execute bit (chmod +x).');
}

const unseen = ({ identifier }: ChallengeTask, because: string) =>
  pluginFault(
    'PLUGIN_PRESENT_FAILED',
    `manual did not see the proof for ${identifier.value}: ${because}`,
    'The CA was not asked, so nothing counts against a limit. Without the look: --no-manual-check, or "check: false" in the file.',
  );

/** Of a record that stays, which a person has to make once. */
const nobodyThere = ({ identifier }: ChallengeTask, needed: readonly ChallengeTask[]) =>
  pluginFault(
    'PLUGIN_PRESENT_FAILED',
    `manual did not see the proof for ${identifier.value}, and nobody is there to create it\n${needed.map(instructionText).join('\n')}`,
    'Add it and run the same command again; at a terminal certkit waits until it is there. The CA was not asked to look.',
  );

const sameLineage = ({ lineage }: ChallengeTask, tasks: readonly ChallengeTask[]) => tasks.filter((task) => task.lineage === lineage);

/** One hook that fails is the failure of its lineage; the others go on. */
function asError(thrown: unknown, signal: AbortSignal): Error {
  signal.throwIfAborted();
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
