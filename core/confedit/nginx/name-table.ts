import type { ServerName } from './server-name.ts';

/** What a host is looked up in, at one address. */
export interface NameTable<S> {
  readonly exact: ReadonlyMap<string, S>;
  readonly leading: ReadonlyMap<string, { readonly server: S; readonly bare: boolean }>;
  readonly trailing: ReadonlyMap<string, S>;
  readonly regexes: readonly { readonly server: S; readonly text: string; readonly regex: RegExp | undefined }[];
}

// ngx_http_server_names: of names that conflict the first counts, and nginx only warns. `.example.com` conflicts with
// `example.com` and with `*.example.com`; having passed the first test and failed the second it still blocks a later `example.com`.
export function nameTable<S extends { readonly names: readonly ServerName[] }>(servers: readonly S[]): NameTable<S> {
  const taken = new Set<string>();
  const exact = new Map<string, S>();
  const leading = new Map<string, { server: S; bare: boolean }>();
  const trailing = new Map<string, S>();
  const regexes: { server: S; text: string; regex: RegExp | undefined }[] = [];
  const add = (server: S, name: ServerName) => {
    switch (name.kind) {
      case 'exact':
        if (!taken.has(name.text)) exact.set(name.text, server);
        taken.add(name.text);
        break;
      case 'leading':
        if (name.bare && taken.has(name.suffix)) break;
        if (name.bare) taken.add(name.suffix);
        if (!leading.has(name.suffix)) leading.set(name.suffix, { server, bare: name.bare });
        break;
      case 'trailing':
        if (!trailing.has(name.stem)) trailing.set(name.stem, server);
        break;
      case 'regex':
        regexes.push({ server, text: name.text, regex: name.regex });
        break;
      case 'invalid':
        break;
    }
  };
  for (const server of servers) for (const name of server.names) add(server, name);
  return { exact, leading, trailing, regexes };
}
