import { isIP } from 'node:net';
import { file, port, text } from 'certkit/options';
import { defineDnsProvider, type TxtRecord } from 'certkit/plugin';
import { demandPlain, isDnsName } from './presentation.ts';
import { changeFault, invalidOption } from './provider-fault.ts';
import { runToEnd } from './run-to-end.ts';
import { faultOfKey, readKeyFile, TSIG_ALGORITHMS, type TsigKey } from './tsig-key.ts';
import { refusalOf } from './update-refusal.ts';
import { inMessages, type Update, updateScript } from './update-script.ts';

const LIMIT_SECONDS = 30; // of nsupdate itself, for one message
const PROTOCOLS = ['udp', 'tcp'];

const invalid = (option: string, because: string, hint: string) => invalidOption('rfc2136', option, because, hint);

/** By nsupdate, which reads its orders and the key from its standard input: neither is in its arguments for others to see. */
export default defineDnsProvider({
  name: 'rfc2136',
  summary: 'Changes records by dynamic updates signed with TSIG (RFC 2136, RFC 8945), as BIND, Knot DNS, PowerDNS and others take them',
  options: {
    server: text('Host name or IP address of the server that takes updates, as a rule the primary', { required: true }),
    port: port('Its port', { default: 53 }),
    'key-name': text('Name of the TSIG key, as the server knows it'),
    algorithm: text(`Algorithm of the key: ${TSIG_ALGORITHMS.join(', ')}`, { default: 'hmac-sha256' }),
    secret: text('Secret of the key, in base64', { secret: true }),
    'key-file': file('A file with the key as tsig-keygen writes it, instead of key-name, algorithm and secret'),
    protocol: text('udp, which goes over to TCP for large updates, or tcp', { default: 'udp' }),
  },

  create({ server, port, 'key-name': keyName, algorithm, secret, 'key-file': keyFile, protocol }, { files, programs }) {
    if (isIP(server) === 0 && !isDnsName(server))
      throw invalid('server', 'it is neither an IP address nor a host name', 'The port has an option of its own, "port".');
    if (!PROTOCOLS.includes(protocol)) throw invalid('protocol', 'it is neither udp nor tcp', 'Leave it out for udp.');
    const typed = typedKey({ keyName, algorithm, secret, keyFile });
    const keyNow = async () => (keyFile === undefined ? typed : readKeyFile('rfc2136', keyFile, files));

    const change = async (verb: Update['verb'], zone: string, records: readonly TxtRecord[], signal: AbortSignal) => {
      demandPlain('rfc2136', zone, records);
      const key = await keyNow();
      for (const some of inMessages(records)) {
        const { exitCode, words } = await runToEnd(programs, {
          provider: 'rfc2136',
          zone,
          command: ['nsupdate', '-t', String(LIMIT_SECONDS), ...(protocol === 'tcp' ? ['-v'] : [])],
          input: updateScript({ server, port, key, zone, verb, records: some }),
          title: 'nsupdate',
          limitMs: 2 * LIMIT_SECONDS * 1000,
          secrets: key === undefined ? [] : [key.secret],
          signal,
          missing: 'Install nsupdate: package bind9-dnsutils (dnsutils before Debian 11) or, on RHEL and its like, bind-utils.',
        });
        if (exitCode === 0) continue;
        const { because, hint } = refusalOf(words, { server, port, zone, keyName: key?.name });
        throw changeFault('rfc2136', zone, because, hint);
      }
    };
    return {
      append: (zone, records, signal) => change('add', zone, records, signal),
      remove: (zone, records, signal) => change('delete', zone, records, signal),
    };
  },
});

interface KeyOptions {
  readonly keyName: string | undefined;
  readonly algorithm: string;
  readonly secret: string | undefined;
  readonly keyFile: string | undefined;
}

/** The key that the options make up, when they do not name a file; updates without a key are for servers that know us by our address. */
function typedKey({ keyName, algorithm, secret, keyFile }: KeyOptions): TsigKey | undefined {
  if (keyFile !== undefined && (keyName !== undefined || secret !== undefined))
    throw invalid('key-file', 'it stands beside key-name or secret', 'The file has name, algorithm and secret: leave the others out.');
  if (keyName === undefined && secret === undefined) return undefined;
  if (keyName === undefined || secret === undefined)
    throw invalid(keyName === undefined ? 'key-name' : 'secret', 'a key has both a name and a secret', 'Leave out both for a server that needs no key.');
  const key = { name: keyName, algorithm, secret };
  const fault = faultOfKey(key);
  if (fault !== undefined)
    throw invalid(fault.option, fault.because, 'It is to be as in the server\'s configuration: key "NAME" { algorithm ...; secret "..."; };');
  return key;
}
