/** Puts stars where a secret stands, as it is or as base64 carries it: servers like to repeat what they refuse. */
export function withoutSecrets(text: string, secrets: readonly (string | undefined)[]): string {
  const forms = secrets.flatMap((secret) => (secret === undefined || secret === '' ? [] : [secret, base64(secret)])).sort((a, b) => b.length - a.length); // one may be part of another
  return forms.reduce((masked, form) => masked.replaceAll(form, '****'), text);
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');
