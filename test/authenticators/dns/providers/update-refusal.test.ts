import { expect, test } from 'vitest';
import { refusalOf } from '../../../../authenticators/dns/providers/update-refusal.ts';

const asked = { server: 'ns1.example.test', port: 53, zone: 'example.test', keyName: 'certkit' };

/** What nsupdate of BIND 9.18 prints. */
const table: readonly [string, RegExp, RegExp][] = [
  ['; TSIG error with server: tsig indicates error\nupdate failed: NOTAUTH(BADTIME)', /clocks .* five minutes apart \(BADTIME\)/, /NTP/],
  ['update failed: SERVFAIL', /failed over it \(SERVFAIL\)/, /journal/],
  ['update failed: NOTIMP', /takes no dynamic updates/, /"server"/],
  ['; Communication with 192.0.2.53#53 failed: timed out', /ns1\.example\.test did not answer at port 53/, /firewall/],
  ['; Communication with 192.0.2.53#53 failed: network unreachable', /nobody answers at port 53/, /"server" and "port"/],
  ['first line\nupdate failed: NXRRSET', /nsupdate says: update failed: NXRRSET/, /log/],
  ['', /did not say why/, /log/],
];
test.each(table)('nsupdate: %j', (words, because, hint) => {
  expect(refusalOf(words, asked)).toEqual({ because: expect.stringMatching(because), hint: expect.stringMatching(hint) });
});
