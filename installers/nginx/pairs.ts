import { dirname, relative, resolve } from 'node:path';
import { utf8OfLatin1 } from 'certkit/confedit';
import type { HttpServer, Occurrence, ServerSurvey } from 'certkit/confedit/nginx';

/** A certificate and its key as they are in force for a server, and the directives that say so. */
export interface PairInForce {
  readonly certificate: Occurrence;
  readonly key: Occurrence;
  /** Absolute. */
  readonly certificatePath: string;
  readonly keyPath: string;
}

/** The pairs a server uses, or why they cannot be told as paths of files. */
export type PairsInForce = { readonly ok: true; readonly pairs: readonly PairInForce[] } | { readonly ok: false; readonly because: string };

/**
 * nginx inherits the two directives apart from each other and pairs them in order.
 *
 * @param conf - the main configuration; paths in both directives are relative to its directory
 */
export function pairsInForce(survey: ServerSurvey, server: HttpServer, conf: string): PairsInForce {
  const certificates = survey.effective(server, 'ssl_certificate');
  const keys = survey.effective(server, 'ssl_certificate_key');
  const odd = [...certificates, ...keys].find((occurrence) => !isPath(argumentOf(occurrence)));
  if (odd !== undefined) {
    return { ok: false, because: `${odd.directive.name} at ${whereIs(odd)} is "${argumentOf(odd)}", ${whatItIs(argumentOf(odd))}` };
  }
  if (certificates.length !== keys.length) {
    return { ok: false, because: `${whereIs(server)} has ${certificates.length} of ssl_certificate and ${keys.length} of ssl_certificate_key` };
  }
  const pairs = certificates.map((certificate, at) => {
    const key = keys[at] as Occurrence;
    return { certificate, key, certificatePath: pathIn(conf, certificate), keyPath: pathIn(conf, key) };
  });
  return { ok: true, pairs };
}

/** The lineage whose live link a pair goes through. */
export function holderOf({ certificatePath }: PairInForce, liveRoot: string): string | undefined {
  const below = relative(liveRoot, certificatePath);
  return below.startsWith('..') || below === '' ? undefined : below.split('/')[0];
}

export function whereIs({ file, line }: { readonly file: string; readonly line: number }): string {
  return `${file}:${line}`;
}

function argumentOf({ directive }: Occurrence): string {
  return utf8OfLatin1(directive.args[0] ?? '');
}

function pathIn(conf: string, occurrence: Occurrence): string {
  return resolve(dirname(conf), argumentOf(occurrence));
}

function whatItIs(text: string): string {
  return text.includes('$') ? "which names no file until a handshake, and then as the worker's user" : 'which is no file';
}

/** Variables, `data:` and keys of an engine or store are not files. */
function isPath(text: string): boolean {
  return text !== '' && !text.includes('$') && !/^(data|engine|store):/.test(text);
}
