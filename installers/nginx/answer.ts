import { type HttpServer, locationsOf, placeKey, type Statement } from 'certkit/confedit/nginx';
import type { ChangePlan, HttpTask, Refusal, ServerTask, Serving, Survey } from 'certkit/plugin';
import { type FileEdit, insertInto, spliceEdits } from './edits.ts';
import { hiddenFrom } from './hidden.ts';
import { nearestBlocks } from './names.ts';
import { answersOverHttp, type PlainAnswer } from './plain-http.ts';
import { endpointOf, type NginxFacts, type NginxSurvey } from './survey.ts';
import { refuse } from './verdict.ts';

const PROOFS = '/.well-known/acme-challenge/'; // RFC 8555 section 8.3

/**
 * Ends nginx's own rewriting for these requests before any other statement of the block is heard, so that neither a
 * redirect nor an access rule is in front of the exact location.
 */
const ASIDE: Statement = { words: ['rewrite', `^(${PROOFS}.*)`, '$1', 'break'] };

type Refused = Omit<Refusal, 'lineage'>;

/** What makes nginx answer http-01 challenges, in every block that it would choose for their names over plain HTTP. */
export function planAnswers(tasks: readonly ServerTask[], survey: Survey): ChangePlan {
  const { nginx: facts, files } = survey as NginxSurvey;
  /** By block and token: a CA may give one authorization to two lineages. */
  const answered = new Set<string>();
  const plans = [...new Set(tasks.map(({ lineage }) => lineage))].map((lineage) => {
    const own = tasks.filter((one) => one.lineage === lineage).map(({ task }) => task);
    return { lineage, ...planLineage(lineage, own, facts, files, answered) };
  });
  return {
    splices: plans.flatMap(({ splices }) => splices),
    files: [],
    commands: [],
    serves: plans.flatMap(({ lineage, serves }) => serves.map((serving) => ({ lineage, ...serving }))),
    refusals: plans.flatMap(({ lineage, refusals }) => refusals.map((refusal) => ({ lineage, ...refusal }))),
    notes: [],
  };
}

interface LineageAnswers {
  readonly splices: ChangePlan['splices'];
  readonly serves: readonly Omit<Serving, 'lineage'>[];
  readonly refusals: readonly Refused[];
}

function planLineage(lineage: string, tasks: readonly HttpTask[], facts: NginxFacts, files: Survey['files'], answered: Set<string>): LineageAnswers {
  const found = tasks.map((task) => ({ task, place: placeOf(task, facts) }));
  const refusals = found.flatMap(({ place }) => ('refusal' in place ? [place.refusal] : []));
  if (refusals.length > 0) return { splices: [], serves: [], refusals };

  const blocks = new Map<string, { readonly server: HttpServer; readonly tasks: HttpTask[] }>();
  for (const { task, place } of found) {
    for (const { server } of 'answers' in place ? place.answers : []) {
      const key = placeKey(server.place);
      const block = blocks.get(key) ?? { server, tasks: [] };
      const byToken = `${key} ${task.token}`;
      if (answered.has(byToken) || isAnswered(server, task)) continue;
      answered.add(byToken);
      block.tasks.push(task);
      blocks.set(key, block);
    }
  }
  const edits: readonly FileEdit[] = [...blocks.values()].map((block) => insertInto(block.server.place, [ASIDE, ...block.tasks.map(locationOf)], 'first'));
  const spliced = spliceEdits(edits, facts.servers.graph.files, files, lineage);
  if (!spliced.ok)
    return { splices: [], serves: [], refusals: [refuse('unsupported', spliced.because, 'Nothing of it is changed. Please report it with the file.').refusal] };
  const serves = found.flatMap(({ task, place }) => ('answers' in place ? place.answers.flatMap((answer) => servesOf(task, answer)) : []));
  return { splices: spliced.splices, serves: [...new Map(serves.map((serving) => [JSON.stringify(serving), serving])).values()], refusals: [] };
}

type Place = { readonly answers: readonly PlainAnswer[] } | { readonly refusal: Refused };

function placeOf({ identifier: { value }, token, keyAuthorization }: HttpTask, facts: NginxFacts): Place {
  const { servers, instance } = facts;
  if (instance.build.configured.has('--without-http_rewrite_module'))
    return refuse('unsupported', 'this nginx was built without its rewrite module, and cannot answer', 'Use the authenticator webroot.');
  if (!/^[\w-]+$/.test(token) || !/^[\w.-]+$/.test(keyAuthorization))
    return refuse(
      'unsupported',
      `the challenge for ${value} holds characters that none may hold`,
      'Nothing of it is written. Please report it with the name of the CA.',
    );

  const hidden = hiddenFrom(value, facts);
  if (hidden !== undefined) return refuse('unreadable', hidden, 'The file may hold the block for the name. Mend it, or report it if nginx accepts it.');
  const found = answersOverHttp(value, facts);
  if (!found.ok)
    return refuse(
      'unsupported',
      `which block answers ${value} over http cannot be told: ${found.because}`,
      'Add the name to the server_name of the block that is meant.',
    );
  if (found.answers.length > 0) return { answers: found.answers };
  return refuse(
    'no-site',
    `no server block answers ${value} without TLS, and a CA asks at port 80`,
    `Add a block with "listen 80;" and "server_name ${value};", or use another authenticator. Blocks that are there: ${nearestBlocks(servers.servers, value)}.`,
  );
}

function locationOf({ token, keyAuthorization }: HttpTask): Statement {
  return {
    words: ['location', '=', PROOFS + token],
    block: [{ words: ['default_type', 'application/octet-stream'] }, { words: ['return', '200', keyAuthorization] }],
  };
}

/** A run that was killed, or a person, may have left it. nginx refuses the same location twice. */
function isAnswered(server: HttpServer, { token }: HttpTask): boolean {
  return locationsOf(server).some(({ modifier, path }) => modifier === '=' && path === PROOFS + token);
}

function servesOf({ identifier }: HttpTask, { address }: PlainAnswer): readonly Omit<Serving, 'lineage'>[] {
  const endpoint = endpointOf(address.at, address.proxyProtocol);
  return endpoint === undefined ? [] : [{ name: identifier.value, endpoint, added: false }];
}
