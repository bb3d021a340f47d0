import type { CertkitError } from '../errors.ts';
import type { Trouble } from '../model/authority-state.ts';
import type { KeyType, Lineage } from '../model/lineage.ts';
import type { LineageState } from '../model/lineage-state.ts';
import type { RenewalWindow } from '../model/renewal-window.ts';
import { type AskedRevocation, askedOf } from '../model/revocation.ts';
import { endpointText } from '../model/site.ts';
import type { Version } from '../model/version.ts';
import type { DeploymentDecision } from '../policy/deployment.ts';
import { type DeploymentRule, explainDeployment, explainRenewal, type RenewalRule } from '../policy/explain.ts';
import { probeName } from '../policy/probe-address.ts';
import type { RenewalDecision } from '../policy/renewal.ts';
import { inPool } from '../pool.ts';
import type { LineageView } from '../store/store.ts';
import { lookAhead } from './look-ahead.ts';
import { misconfiguration } from './misconfigured.ts';
import type { Needs } from './needs.ts';
import { deploymentFacts, renewalFacts } from './policy-facts.ts';
import { asksPerson } from './renewal-decisions.ts';
import { isOwed } from './target.ts';

const HANDSHAKE_LIMIT_MS = 2_000;

/** What a handshake showed just now. */
export interface ServedNow {
  readonly name: string;
  readonly at: string;
  readonly server: string;
  /** The type that was asked for. */
  readonly keyType: KeyType;
  readonly answered: boolean;
  /** The version whose certificate was shown; absent when it is none of ours. */
  readonly version?: number;
  /** Until when that certificate is valid, where it is known. */
  readonly notAfterMs?: number;
  /** Why there is no version to show. */
  readonly because?: string;
}

/** Of one certificate of a version. */
export type KnownRevocation = AskedRevocation & { readonly version: number };

export type Inspection =
  | {
      readonly name: string;
      readonly readable: true;
      readonly lineage: Lineage;
      readonly state: LineageState;
      readonly versions: readonly Version[];
      readonly live?: Version;
      readonly pending?: Version;
      readonly owed: boolean;
      readonly renewal: RenewalDecision;
      readonly deployment: DeploymentDecision;
      /** What was looked at for either, with its numbers. */
      readonly rules: { readonly renewal: readonly RenewalRule[]; readonly deployment: readonly DeploymentRule[] };
      /** What the CA suggests for the newest version. */
      readonly caWindow?: RenewalWindow;
      /** Of its CA as a whole, since that last issued. */
      readonly trouble?: Trouble;
      readonly needsPerson: boolean;
      /** What was answered when it was asked whether live and newest certificates are revoked. */
      readonly revocations: readonly KnownRevocation[];
      readonly served: readonly ServedNow[];
      /** What its file wants of a plugin cannot be had. */
      readonly misconfigured?: CertkitError;
    }
  | { readonly name: string; readonly readable: false; readonly error: CertkitError };

/** Versions, dates, next steps with their reasons, and what the servers really serve at this moment. Changes nothing. */
export async function inspect(views: readonly LineageView[], needs: Needs): Promise<readonly Inspection[]> {
  const ahead = await lookAhead(needs);
  return inPool(views, 8, async (view): Promise<Inspection> => {
    if (!view.readable) return { name: view.name, readable: false, error: view.fault };
    const { lineage, state, newest, live, windows } = view;
    const caWindow = newest === undefined ? undefined : windows[newest.number]?.window;
    const misconfigured = await misconfiguration(lineage, needs);
    const versions = await needs.store.versions(view.name);
    const owed = isOwed(lineage, state, live?.number);
    const nowMs = needs.clock.nowMs();
    const pending = newest !== undefined && newest.number > (live?.number ?? 0) ? newest : undefined;
    const own = ahead.get(view.name);
    const trouble = own?.trouble;
    const needsPerson = (await asksPerson(lineage, needs)) === true;
    const renewal = explainRenewal(renewalFacts({ ...view, trouble }, { nowMs, forced: false, watched: false, needsPerson }), own?.decision);
    const deployment = explainDeployment(deploymentFacts(view, { nowMs, asked: false }));
    return {
      name: view.name,
      readable: true,
      lineage,
      state,
      versions,
      ...(live === undefined ? {} : { live }),
      ...(pending === undefined ? {} : { pending }),
      owed,
      renewal: renewal.decision,
      deployment: deployment.decision,
      rules: { renewal: [...renewal.rules, ...(own?.rules ?? [])], deployment: deployment.rules },
      ...(caWindow === undefined ? {} : { caWindow }),
      ...(trouble === undefined ? {} : { trouble }),
      needsPerson,
      revocations: [live, pending].flatMap((version) =>
        version === undefined ? [] : askedOf(version, view.revocations).map((asked) => ({ version: version.number, ...asked })),
      ),
      served: await servedNow(state, versions, live, needs),
      ...(misconfigured === undefined ? {} : { misconfigured }),
    };
  });
}

/** Asks again wherever a deployment was seen, for each key type of the live version. */
async function servedNow(
  state: LineageState,
  versions: readonly Version[],
  live: Version | undefined,
  { probe, signal }: Needs,
): Promise<readonly ServedNow[]> {
  const keyTypes = live?.sets.map(({ keyType }) => keyType) ?? [];
  const places = Object.values(state.seen).flatMap(({ server, serves }) => serves.map((serving) => ({ server, ...serving })));
  const distinct = [...new Map(places.map((place) => [`${place.name} ${endpointText(place.endpoint)}`, place])).values()];
  const questions = distinct.flatMap((place) => keyTypes.map((keyType) => ({ ...place, keyType })));
  return inPool(questions, 8, async ({ name, endpoint, server, keyType }): Promise<ServedNow> => {
    const sni = probeName(name);
    const answer = await probe.handshake({ endpoint, keyType, timeoutMs: HANDSHAKE_LIMIT_MS, signal, ...(sni === undefined ? {} : { name: sni }) });
    const where = { name, at: endpointText(endpoint), server, keyType };
    if (answer.kind !== 'served') return { ...where, answered: false, because: answer.because };
    const version = versions.find(({ sets }) => sets.some(({ leafSha256 }) => leafSha256 === answer.sha256[0]));
    const shown = { ...where, answered: true, ...(answer.notAfterMs === undefined ? {} : { notAfterMs: answer.notAfterMs }) };
    return version === undefined ? { ...shown, because: 'the certificate shown is not one of this lineage' } : { ...shown, version: version.number };
  });
}
