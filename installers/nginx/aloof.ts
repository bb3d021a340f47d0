import type { ConfigFile, HttpServer, ServerSurvey } from 'certkit/confedit/nginx';
import { type Generated, whyGenerated } from './generated.ts';
import { type PairsInForce, whereIs } from './pairs.ts';

/** Why a certificate is somebody else's affair, and what to do about it. */
export interface Aloof {
  readonly because: string;
  readonly hint: string;
}

/** Directives of modules that get certificates by themselves: nginx's own and Angie's. */
const ACME_DIRECTIVES = ['acme_certificate', 'acme'];

/** A block that is left alone whatever pair is to go there. */
export function whyAloof(server: HttpServer, servers: ServerSurvey): Aloof | undefined {
  const where = whereIs(server);
  const acme = ACME_DIRECTIVES.flatMap((name) => servers.effective(server, name)).find(({ level }) => level === 'server');
  if (acme !== undefined) {
    const because = `the block at ${where} gets its certificate from the server's own ACME module`;
    return { because, hint: `Remove "${acme.directive.name}" at ${whereIs(acme)} if certkit is to do it.` };
  }
  if (servers.effective(server, 'ssl_reject_handshake').at(-1)?.directive.args[0] === 'on') {
    return { because: `the block at ${where} rejects every handshake (ssl_reject_handshake)`, hint: 'Give the name a block of its own.' };
  }
  return undefined;
}

/** The same with what its pairs say, for people who look before they deploy. Files are judged once. */
export function createAloofness(servers: ServerSurvey): (server: HttpServer, pairs: PairsInForce) => string | undefined {
  const judged = new Map<ConfigFile, Generated | undefined>();
  const generatedBy = (file: ConfigFile) => {
    if (!judged.has(file)) judged.set(file, whyGenerated(file));
    return judged.get(file)?.by;
  };
  return (server, pairs) => {
    const aloof = whyAloof(server, servers);
    if (aloof !== undefined) return aloof.because;
    if (!pairs.ok) return pairs.because;
    const standsIn = pairs.pairs.length === 0 ? [server.place.instance.file] : pairs.pairs.map(({ certificate }) => certificate.instance.file);
    const generated = standsIn.find((file) => generatedBy(file) !== undefined);
    return generated === undefined ? undefined : `${generated.path} is written by ${generatedBy(generated)}, which would take an edit back`;
  };
}
