import type { HookCircumstances, HookEvent, HookSubject } from '../model/hook.ts';

/** The document on a hook's stdin; a breaking change of it gets a new number. */
const SCHEMA = 1;

/** The kernel takes 128 KiB for one variable; the document has what is left out. */
const LONGEST_VARIABLE = 100_000;

/** What a hook finds on its stdin. */
export function hookDocument(event: HookEvent, subjects: readonly HookSubject[], { home, attempt }: HookCircumstances): string {
  const lineages = subjects.map(({ fault, ...subject }) => ({ ...subject, ...(fault === undefined ? {} : { error: fault }) }));
  return `${JSON.stringify({ schema: SCHEMA, event, attempt, home, lineages })}\n`;
}

/** The same facts as variables; RENEWED_LINEAGE, RENEWED_DOMAINS and FAILED_DOMAINS are those that certbot gives its hooks. */
export function hookVariables(event: HookEvent, subjects: readonly HookSubject[], { home, attempt }: HookCircumstances): Readonly<Record<string, string>> {
  const [only] = subjects.length === 1 ? subjects : [];
  const namesOf = (...outcomes: readonly HookSubject['outcome'][]) =>
    subjects.filter(({ outcome }) => outcomes.includes(outcome)).flatMap(({ names }) => names);
  const variables = {
    CERTKIT_EVENT: event,
    CERTKIT_ATTEMPT: String(attempt),
    CERTKIT_HOME: home,
    CERTKIT_LINEAGES: subjects.map(({ name }) => name).join(' '),
    CERTKIT_NAMES: subjects.flatMap(({ names }) => names).join(' '),
    CERTKIT_LINEAGE: only?.name,
    CERTKIT_VERSION: only?.version?.toString(),
    CERTKIT_VERSION_PATH: only?.versionPath,
    CERTKIT_LIVE: only?.live,
    CERTKIT_ERROR_CODE: only?.fault?.code,
    CERTKIT_ERROR: only?.fault?.message,
    RENEWED_LINEAGE: event === 'deployed' ? only?.live : undefined,
    RENEWED_DOMAINS: namesOf('renewed', 'deployed').join(' '),
    FAILED_DOMAINS: namesOf('failed').join(' '),
  };
  return Object.fromEntries(
    Object.entries(variables).flatMap(([name, value]) => (value === undefined || value.length > LONGEST_VARIABLE ? [] : [[name, value.replaceAll('\0', '')]])),
  );
}
