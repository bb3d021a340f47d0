import { contentsOf, type Placed, parseServerName } from 'certkit/confedit/nginx';

/** What is known of a request, by the names of nginx's variables. A value with a `$` in it has something unknown there. */
export type Variables = Map<string, string>;

/** What comes of the statements of a block. */
export type Rewritten =
  /** They answer the request; `target` is where they send it. */
  { readonly outcome: 'answered'; readonly place: Placed; readonly target: string | undefined } | { readonly outcome: 'goes-on' };

/**
 * Follows a request through the statements of nginx's rewrite module in one block, as they stand. What hangs on something
 * that is not known of the request is passed over: it is for some requests only.
 *
 * @param variables - as the statements leave them; without `uri` once the path has been rewritten
 */
export function rewriteBy(contents: readonly Placed[], variables: Variables): Rewritten {
  const pending = [...contents].reverse();
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
        if (matches(first, variables.get('uri')) !== true) break;
        if (flag === 'redirect' || flag === 'permanent' || /^(?:https?:\/\/|\$scheme)/.test(second))
          return { outcome: 'answered', place, target: expand(second, variables) };
        variables.delete('uri');
        if (flag !== '') return { outcome: 'goes-on' };
        break;
      }
      case 'return': {
        const target = /^30[12378]$/.test(first) ? second : args.length === 1 && !/^\d+$/.test(first) ? first : undefined;
        return { outcome: 'answered', place, target: target && expand(target, variables) };
      }
      case 'break':
        return { outcome: 'goes-on' };
    }
  }
  return { outcome: 'goes-on' };
}

/** The condition of an `if`; `undefined` where it cannot be told. */
function holds(args: readonly string[], variables: Variables): boolean | undefined {
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
      return matches(operand, value);
    case '!~':
    case '!~*': {
      const found = matches(operand, value);
      return found === undefined ? undefined : !found;
    }
    default:
      return undefined;
  }
}

/** By the engine's reading of patterns in server names, which is without case where one has an upper-case letter. */
export function matches(pattern: string, text: string | undefined): boolean | undefined {
  const name = parseServerName(`~${pattern}`, '');
  return text === undefined || name.kind !== 'regex' ? undefined : name.regex?.test(text);
}

function expand(text: string, variables: Variables): string {
  return text.replace(/\$(?:\{(\w+)\}|(\w+))/g, (written, braced?: string, bare?: string) => variables.get(braced ?? bare ?? '') ?? written);
}
