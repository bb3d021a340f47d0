import { type CertkitError, fault } from '../errors.ts';
import type { AcmeAuthorization, AcmeOrder } from './order.ts';
import { subproblemText } from './problem.ts';

interface Failure {
  readonly name: string;
  readonly challenge: string;
  readonly type: string;
  readonly detail: string;
}

/** Why an order became invalid: what the CA saw at each name that failed, else its words about the order. */
export function whyInvalid(order: AcmeOrder, authorizations: readonly AcmeAuthorization[]): CertkitError {
  const failures = authorizations.flatMap(failureOf);
  const [first, ...others] = failures;
  if (first !== undefined) {
    if (others.length === 0) return fault('ACME_CHALLENGE_FAILED', first);
    const detail = failures.map(({ name, type, detail }) => `\n  - ${name}: ${detail} (${type})`).join('');
    return fault('ACME_CHALLENGE_FAILED', { ...first, name: failures.map(({ name }) => name).join(', '), detail });
  }
  const { error } = order;
  const detail =
    error === undefined
      ? 'the CA does not say why'
      : `${error.detail} (${error.type})${error.subproblems.map((one) => `\n  - ${subproblemText(one)}`).join('')}`;
  return fault('ACME_ORDER_INVALID', { names: order.identifiers.map(({ value }) => value), detail });
}

function failureOf({ identifier, status, challenges }: AcmeAuthorization): Failure[] {
  if (status === 'pending' || status === 'valid') return [];
  const failed = challenges.find(({ error }) => error !== undefined) ?? challenges.find((challenge) => challenge.status === 'invalid');
  return [
    {
      name: identifier.value,
      challenge: failed?.type ?? 'no challenge',
      type: failed?.error?.type ?? 'no type given',
      detail: failed?.error?.detail ?? `the authorization is ${status}`,
    },
  ];
}
