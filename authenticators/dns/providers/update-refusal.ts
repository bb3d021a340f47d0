/** Whom an update was for and who signed it, to say what has to be mended where. */
export interface Asked {
  readonly server: string;
  readonly port: number;
  readonly zone: string;
  readonly keyName: string | undefined;
}

interface Refusal {
  readonly because: string;
  readonly hint: string;
}

type Explanation = readonly [said: RegExp, because: (asked: Asked) => string, hint: (asked: Asked) => string];

const signer = ({ keyName }: Asked) => (keyName === undefined ? 'an update without a key' : `the key ${keyName}`);

/** By what nsupdate prints: response codes of RFC 2136 section 2.2 and RFC 8945 section 3, or what became of the connection. */
const EXPLANATIONS: readonly Explanation[] = [
  [
    /BADKEY/,
    (asked) => `the server does not know ${signer(asked)} with this algorithm (BADKEY)`,
    () => 'Name and algorithm of the key have to be the same in the server\'s configuration: key "NAME" { algorithm ...; secret ...; };',
  ],
  [
    /BADSIG|BADTRUNC/,
    (asked) => `the server has another secret for ${signer(asked)} (BADSIG)`,
    () => 'Copy the secret again from the server\'s configuration, into the file that "secret" or "key-file" names.',
  ],
  [
    /BADTIME/,
    () => 'the clocks of this machine and of the server are more than five minutes apart (BADTIME)',
    () => 'Set both clocks by NTP: "timedatectl" shows whether this one is.',
  ],
  [
    /\bNOTAUTH\b/,
    ({ server, zone }) => `${server} is not the primary server of ${zone} (NOTAUTH)`,
    ({ zone }) => `"dig SOA ${zone}" names the primary: give it, or the server that takes updates for it, as "server".`,
  ],
  [
    /\bREFUSED\b/,
    (asked) => `the server does not let ${signer(asked)} change TXT records there (REFUSED)`,
    ({ keyName }) =>
      `With BIND, in the statement of the zone: update-policy { grant ${keyName ?? 'KEY'} zonesub TXT; }; the server's log says what it refused.`,
  ],
  [
    /\bNOTZONE\b/,
    ({ zone }) => `a name is not in the zone ${zone} as the server has it (NOTZONE)`,
    () => 'Is there a zone of its own below, on this server or delegated to another?',
  ],
  [/\bNOTIMP\b/, () => 'the server takes no dynamic updates (NOTIMP)', () => 'Switch them on there, or give another server as "server".'],
  [
    /\bSERVFAIL\b/,
    () => 'the server failed over it (SERVFAIL)',
    () => "Its log says why; often it may not write the zone's journal beside the zone file, or the zone is frozen (rndc thaw).",
  ],
  [
    /timed out/,
    ({ server, port }) => `${server} did not answer at port ${port}`,
    ({ port }) => `Is "server" right, and does a firewall let this machine reach its port ${port}, by UDP and by TCP?`,
  ],
  [
    /connection refused|unreachable/,
    ({ server, port }) => `nobody answers at port ${port} of ${server}`,
    () => 'Does the server run, and listen on this address? See "server" and "port" of rfc2136.',
  ],
  [/couldn't get address/, ({ server }) => `the name ${server} has no address`, () => 'Give "server" of rfc2136 an IP address, or mend the name.'],
];

/** What a failed run of nsupdate means. */
export function refusalOf(words: string, asked: Asked): Refusal {
  const found = EXPLANATIONS.find(([said]) => said.test(words));
  if (found !== undefined) return { because: found[1](asked), hint: found[2](asked) };
  const last = words.split('\n').at(-1)?.trim() ?? '';
  return { because: last === '' ? 'nsupdate failed and did not say why' : `nsupdate says: ${last}`, hint: "The server's log may say more." };
}
