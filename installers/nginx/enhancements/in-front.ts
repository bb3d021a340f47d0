import type { HttpServer, Placed } from 'certkit/confedit/nginx';
import { contentsWithin } from './own-statements.ts';

/** Headers in which a proxy says how a request came to it. */
const TOLD = /\$\{?http_(?:x_forwarded_\w+|x_scheme|x_url_scheme|front_end_https|cf_visitor|cloudfront_forwarded_proto)\b/;

const ONLY_LOGS = ['access_log', 'log_format', 'log_not_found'];

/** Where a block looks at what only a proxy in front of it would say, by itself or by way of a `map`. */
export function askingProxy(server: HttpServer): Placed | undefined {
  const mapped = server.inherited.flatMap(({ directive: { name, args } }) => (name === 'map' && TOLD.test(args[0] ?? '') ? [args[1]?.slice(1) ?? ''] : []));
  const asks = (text: string) => TOLD.test(text) || mapped.some((name) => new RegExp(`\\$\\{?${name}\\b`).test(text));
  return contentsWithin(server).find(({ directive: { name, args } }) => !ONLY_LOGS.includes(name) && args.some(asks));
}
