import type { ChallengeTask, Identifier, Receipt } from '../../plugins/contract.ts';
import { fault } from '../errors.ts';
import { type AuthenticatorChoice, authenticatorFor } from '../model/lineage.ts';
import type { Needs } from './needs.ts';
import type { Prover } from './prover.ts';

interface Part {
  readonly names?: readonly string[];
  readonly prover: Prover;
}

/** The authenticators of a lineage as one: each name is proven by its own. */
export async function proverOf(choices: readonly AuthenticatorChoice[], { plugins }: Pick<Needs, 'plugins'>): Promise<Prover> {
  const parts = await Promise.all(
    choices.map(async ({ names, ...choice }): Promise<Part> => ({ prover: await plugins.authenticator(choice), ...(names === undefined ? {} : { names }) })),
  );
  const [only] = parts;
  return only !== undefined && parts.length === 1 && only.names === undefined ? only.prover : together(parts);
}

function together(parts: readonly Part[]): Prover {
  const provers = [...new Set(parts.map(({ prover }) => prover))]; // one choice may be there for several lists of names
  const proverFor = (identifier: Identifier): Prover => {
    const part = authenticatorFor(parts, identifier);
    if (part === undefined) throw fault('BUG_UNEXPECTED', { because: `${identifier.value} has no authenticator` });
    return part.prover;
  };
  const ofEach = <T>(prover: Prover, items: readonly T[], identifierOf: (item: T) => Identifier) =>
    items.filter((item) => proverFor(identifierOf(item)) === prover);

  return {
    choiceFor: (identifier) => proverFor(identifier).choiceFor(identifier),
    unattended: provers.every(({ unattended }) => unattended),
    gathers: provers.some(({ gathers }) => gathers),
    journalsApart: (identifier) => proverFor(identifier).journalsApart(identifier),
    assess: (identifier) => proverFor(identifier).assess(identifier),
    async foresee(lineage, identifiers, signal) {
      await Promise.all(
        provers.map((prover) =>
          prover.foresee(
            lineage,
            ofEach(prover, identifiers, (identifier) => identifier),
            signal,
          ),
        ),
      );
    },
    join(lineage) {
      const memberships = provers.map((prover) => prover.join(lineage));
      return {
        leave() {
          for (const membership of memberships) membership.leave();
        },
      };
    },
    async present(lineage, tasks, signal) {
      const receipts = new Map<ChallengeTask, Receipt>();
      // All have ended before one that failed is told: what the others published is removed then.
      const presented = await Promise.allSettled(
        provers.map(async (prover) => {
          const own = ofEach(prover, tasks, ({ identifier }) => identifier);
          if (own.length === 0) return prover.join(lineage).leave(); // nobody need wait for it
          const ofOwn = await prover.present(lineage, own, signal);
          own.forEach((task, at) => void receipts.set(task, ofOwn[at] ?? {}));
        }),
      );
      const failed = presented.find(({ status }) => status === 'rejected');
      if (failed?.status === 'rejected') throw failed.reason;
      return tasks.map((task) => receipts.get(task) ?? {});
    },
    async remove(task, receipt) {
      await proverFor(task.identifier).remove(task, receipt);
    },
  };
}
