import type { EachLine, Template } from './services.ts';

/** What stands in the places of a template. */
export interface Filling {
  readonly texts: Readonly<Record<string, string | undefined>>;
  /** Values that are no text, for a place that is a whole value. */
  readonly values?: Readonly<Record<string, unknown>>;
}

const PLACE = /\{(\w+)\}/g;
const WHOLE = /^\{(\w+)\}$/;

/** The text with its places filled, each once: what is filled in is not looked at again. `undefined` when one has no value. */
export function filledText(template: string, texts: Filling['texts']): string | undefined {
  const places = [...template.matchAll(PLACE)].map(([, name = '']) => name);
  if (places.some((name) => texts[name] === undefined)) return undefined;
  return template.replace(PLACE, (_, name: string) => texts[name] ?? '');
}

export function filled(template: Template, filling: Filling): unknown {
  if (typeof template === 'string') return filling.values?.[WHOLE.exec(template)?.[1] ?? ''] ?? filledText(template, filling.texts);
  if (Array.isArray(template)) return template.flatMap((item: Template) => (isEachLine(item) ? linesOf(item, filling) : [filled(item, filling)]));
  if (typeof template !== 'object') return template;
  return Object.fromEntries(Object.entries(template).map(([member, value]) => [member, filled(value, filling)]));
}

const isEachLine = (template: Template): template is EachLine => typeof template === 'object' && 'eachLine' in template;

/** An empty line is a no-break space: an empty text may be shown as nothing at all. */
const linesOf = ({ eachLine }: EachLine, filling: Filling): unknown[] =>
  (filling.texts.text ?? '').split('\n').map((line) => filled(eachLine, { ...filling, texts: { ...filling.texts, line: line === '' ? '\u00a0' : line } }));
