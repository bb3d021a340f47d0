/** Shorter ones are words such as "53" or "yes", and stars in their place would hide what went wrong. */
const LEAST_CHARS = 4;

/** Puts stars where a secret stands: as it is, in base64, or as an address carries it. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  const forms = secrets
    .filter((secret) => secret.length >= LEAST_CHARS)
    .flatMap((secret) => [secret, Buffer.from(secret).toString('base64'), encodeURIComponent(secret)])
    .sort((a, b) => b.length - a.length); // one may be part of another
  return forms.reduce((masked, form) => masked.replaceAll(form, '****'), text);
}
