import { caughtBy, contentsOf, type HttpServer, type Placed, translatePcre } from 'certkit/confedit/nginx';

/** What is known of a request, by the names of nginx's variables. A value with a `$` in it has something unknown there. */
export type Variables = Map<string, string>;

/** What is known of a request before any statement of its block is heard. */
export interface PlainRequest {
  readonly scheme: 'http' | 'https';
  readonly host: string;
  readonly port: number;
  readonly path: string;
}

export function variablesOf({ scheme, host, port, path }: PlainRequest, { names }: Pick<HttpServer, 'names'>): Variables {
  return new Map([
    ...['uri', 'document_uri', 'request_uri'].map((name) => [name, path] as const),
    ...['host', 'http_host'].map((name) => [name, host] as const),
    ...['args', 'query_string', 'is_args', ...(scheme === 'http' ? ['https', 'ssl_protocol'] : [])].map((name) => [name, ''] as const),
    ...(scheme === 'https' ? [['https', 'on'] as const] : []),
    ['scheme', scheme],
    ['request_method', 'GET'],
    ['server_name', names[0]?.text ?? ''],
    ['server_port', String(port)],
  ]);
}

/** What comes of the statements of a block. */
export type Rewritten =
  /** They answer the request; `target` is where they send it. */
  | { readonly outcome: 'answered'; readonly place: Placed; readonly target: string | undefined }
  /** `rewrote`: the statement that changed the path. */
  | { readonly outcome: 'goes-on'; readonly rewrote?: Placed };

/**
 * Follows a request through the statements of nginx's rewrite module in one block, as they stand. What hangs on something
 * that is not known of the request is passed over: it is for some requests only.
 *
 * @param variables - as the statements leave them; without `uri` once the path has been rewritten
 */
export function rewriteBy(contents: readonly Placed[], variables: Variables): Rewritten {
  const pending = [...contents].reverse();
  let rewrote: Placed | undefined;
  for (let place = pending.pop(); place !== undefined; place = pending.pop()) {
    const { name, args } = place.directive;
    const [first = '', second = '', flag = ''] = args;
    switch (name) {
      case 'set':
        variables.set(first.replace(/^\$/, ''), expand(second, variables));
        break;
      case 'if': {
        const inner = contentsOf(place.instance, place.index);
        const isTrue = holds(args, variables);
        if (isTrue === undefined) for (const { directive } of inner) if (directive.name === 'set') variables.set(directive.args[0]?.slice(1) ?? '', '$');
        if (isTrue === true) pending.push(...inner.reverse());
        break;
      }
      case 'rewrite': {
        if (matches(first, variables.get('uri'), variables) !== true) break;
        if (flag === 'redirect' || flag === 'permanent' || /^(?:https?:\/\/|\$scheme)/.test(second))
          return { outcome: 'answered', place, target: expand(second, variables) };
        variables.delete('uri');
        if (flag !== '') return { outcome: 'goes-on', rewrote: place };
        rewrote = place;
        break;
      }
      case 'return': {
        const target = /^30[12378]$/.test(first) ? second : args.length === 1 && !/^\d+$/.test(first) ? first : undefined;
        return { outcome: 'answered', place, target: target && expand(target, variables) };
      }
      case 'break':
        return goesOn(rewrote);
    }
  }
  return goesOn(rewrote);
}

const goesOn = (rewrote: Placed | undefined): Rewritten => ({ outcome: 'goes-on', ...(rewrote !== undefined && { rewrote }) });

/** The condition of an `if`; `undefined` where it cannot be told. What a pattern catches is among the variables then. */
export function holds(args: readonly string[], variables: Variables): boolean | undefined {
  const words = args
    .map((word, at) => (at === args.length - 1 ? word.replace(/\)$/, '') : word))
    .map((word, at) => (at === 0 ? word.replace(/^\(/, '') : word));
  const [subject = '', operator, operand = ''] = words[0] === '' ? words.slice(1) : words;
  const value = expand(subject, variables);
  if (!subject.startsWith('$') || value.includes('$')) return undefined;
  switch (operator) {
    case undefined:
    case '':
      return value !== '' && value !== '0';
    case '=':
    case '!=': {
      const other = expand(operand, variables);
      return other.includes('$') ? undefined : (value === other) === (operator === '=');
    }
    case '~':
    case '~*':
      return matches(operand, value, variables, operator === '~*');
    case '!~':
    case '!~*': {
      const found = matches(operand, value, variables, operator === '!~*');
      return found === undefined ? undefined : !found;
    }
    default:
      return undefined;
  }
}

/** `undefined` where JavaScript may not read the pattern as PCRE does. */
function matches(pattern: string, text: string | undefined, variables: Variables, isCaseless = false): boolean | undefined {
  const regex = text === undefined ? undefined : translatePcre(pattern, isCaseless);
  if (text === undefined || regex === undefined) return undefined;
  const isMatch = regex.test(text);
  if (isMatch) remember(caughtBy(regex, text), variables);
  return isMatch;
}

/** `$1` and so on, until another pattern has matched. */
export function remember(caught: readonly string[] | undefined, variables: Variables): void {
  for (const name of [...variables.keys()]) if (/^\d$/.test(name)) variables.delete(name);
  for (const [at, text] of caught?.entries() ?? []) variables.set(String(at), text);
}

/** What is not known stays as it is written, with its `$`. */
export function expand(text: string, variables: Variables): string {
  return text.replace(/\$(?:\{(\w+)\}|(\w+))/g, (written, braced?: string, bare?: string) => variables.get(braced ?? bare ?? '') ?? written);
}
