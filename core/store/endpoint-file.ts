import type { Endpoint } from '../model/site.ts';
import { type Decoder, exactly, flag, mapping, members, text, whole } from './decode.ts';

const tcp = members({ kind: exactly('tcp'), address: text, port: whole, proxyProtocol: flag }, 'ignored');
const unix = members({ kind: exactly('unix'), path: text, proxyProtocol: flag }, 'ignored');

export const decodeEndpoint: Decoder<Endpoint> = (value) => (mapping(value).kind === 'unix' ? unix(value) : tcp(value));
