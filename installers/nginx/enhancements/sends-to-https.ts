import { contentsOf, type HttpServer, locationsOf, type Placed } from 'certkit/confedit/nginx';

/** Whether a block redirects a name to https already, in one of the ways that people and other programs write it. */
export function sendsToHttps(server: HttpServer, name: string): boolean {
  const everything = locationsOf(server).filter(({ modifier, path }) => path === '/' && (modifier === '' || modifier === '^~'));
  const conditions = server.contents.filter(({ directive }) => directive.name === 'if' && isAboutHttp(directive.args.join(' '), name));
  const inner = [...everything.map(({ place }) => place), ...conditions].flatMap(({ instance, index }) => contentsOf(instance, index));
  return [...server.contents, ...inner].some(isToHttps);
}

function isToHttps({ directive: { name, args } }: Placed): boolean {
  return (name === 'return' || name === 'rewrite') && args.some((arg) => /^https:\/\//i.test(arg));
}

/** Other conditions (some browsers, some paths) leave requests of the name where they are. */
function isAboutHttp(condition: string, name: string): boolean {
  if (/\$(scheme|https|server_port|request_uri|certkit_redirect)\b/.test(condition)) return true;
  return /^\( *\$(?:http_)?host *= *(\S+?) *\)$/.exec(condition)?.[1] === name;
}
