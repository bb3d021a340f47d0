import type { Digest } from 'certkit/plugin';
import { digestDocument } from './digest-document.ts';
import { filled, filledText } from './filled.ts';
import { fitted } from './fitted.ts';
import type { Service, Template } from './services.ts';

export interface ServiceMessage {
  /** Below the server; empty for the address as it was given. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface Recipient {
  readonly token: string | undefined;
  readonly target: string | undefined;
}

const TITLE_CHARS = 250; // Pushover's limit, the shortest of all
const CUT = '\n... (the rest did not fit)';

/** A digest as a service takes it. Pure. */
export function messageFor(service: Service, digest: Digest, { token, target }: Recipient): ServiceMessage {
  const { escapes = {}, most } = service;
  const texts = {
    title: fitted(digest.title, { most: TITLE_CHARS, unit: 'characters', escapes, ending: '...' }),
    text: fitted(digest.text, { most: Number.POSITIVE_INFINITY, unit: 'characters', escapes, ending: CUT, ...sizeOf(most) }),
    token,
    target,
  };
  const headers = Object.entries({ 'content-type': 'application/json', ...service.headers }).flatMap(([name, value]) => {
    const whole = filledText(value, texts);
    return whole === undefined ? [] : [[name, whole]];
  });
  const body: Template = digest.urgent && typeof service.body === 'object' ? { ...service.body, ...service.urgent } : service.body;
  return {
    path: filledText(service.path ?? '', texts) ?? '',
    headers: Object.fromEntries(headers),
    body: JSON.stringify(filled(body, { texts, values: { digest: digestDocument(digest) } })),
  };
}

const sizeOf = (most: Service['most']) => (most === undefined ? {} : { ...most, most: most.text });
