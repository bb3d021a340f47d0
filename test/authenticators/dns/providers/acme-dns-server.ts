import { randomBytes, randomUUID } from 'node:crypto';
import { type ApiQuestion, type ApiReply, type ApiServer, startApiServer } from './api-server.ts';

export interface Registration {
  readonly username: string;
  readonly password: string;
  readonly fulldomain: string;
  readonly subdomain: string;
  readonly allowfrom: readonly string[];
}

export interface AcmeDnsServer extends ApiServer {
  register(): Registration;
  /** Both values that it serves at a name, without those that were never set. */
  txt(fulldomain: string): readonly string[];
}

interface Slot {
  value: string;
  setAt: number;
}

/** As the README of github.com/joohoi/acme-dns describes its API: of the two values of a subdomain, the one that was set first is replaced. */
export async function startAcmeDns(zone: string): Promise<AcmeDnsServer> {
  const held: { readonly registration: Registration; readonly slots: readonly [Slot, Slot] }[] = [];
  let updates = 0;

  const answer = ({ method, url, headers, body }: ApiQuestion): ApiReply => {
    if (method !== 'POST' || url.pathname !== '/update') return { status: 404, body: { error: 'not_found' } };
    const { subdomain, txt } = body as { readonly subdomain: string; readonly txt: string };
    const account = held.find(({ registration }) => registration.username === headers['x-api-user'] && registration.password === headers['x-api-key']);
    if (account === undefined || account.registration.subdomain !== subdomain) return { status: 401, body: { error: 'forbidden' } };
    if (!/^[A-Za-z0-9_-]{43}$/.test(txt)) return { status: 400, body: { error: 'bad_txt' } };
    const [first, second] = account.slots;
    Object.assign(first.setAt <= second.setAt ? first : second, { value: txt, setAt: ++updates });
    return { status: 200, body: { txt } };
  };

  return {
    ...(await startApiServer(answer)),
    register() {
      const subdomain = randomUUID();
      const registration = { username: randomUUID(), password: randomBytes(20).toString('hex'), fulldomain: `${subdomain}.${zone}`, subdomain, allowfrom: [] };
      held.push({
        registration,
        slots: [
          { value: '', setAt: 0 },
          { value: '', setAt: 0 },
        ],
      });
      return registration;
    },
    txt(fulldomain) {
      const slots = held.find(({ registration }) => registration.fulldomain === fulldomain)?.slots ?? [];
      return slots.map(({ value }) => value).filter((value) => value !== '');
    },
  };
}
