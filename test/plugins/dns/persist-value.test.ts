import { authorizes, txtRecordFor } from 'certkit/dns';
import type { DnsPersistTask } from 'certkit/plugin';
import { describe, expect, test } from 'vitest';

const ACCOUNT = 'https://ca.example/acct/1';
const NOW_MS = 1_800_000_000_000;

const apex: DnsPersistTask = {
  type: 'dns-persist-01',
  lineage: 'shop',
  identifier: { kind: 'dns', value: 'example.org', wildcard: false },
  issuers: ['ca.example', 'second.example'],
  accountUrl: ACCOUNT,
};
const wildcard: DnsPersistTask = { ...apex, identifier: { kind: 'dns', value: '*.example.org', wildcard: true } };

const uri = `accounturi=${ACCOUNT}`;

describe('lets the CA issue', () => {
  const good: readonly [string, DnsPersistTask, string][] = [
    ['the value that certkit makes', apex, txtRecordFor(apex).value],
    ['the value that certkit makes for a wildcard', wildcard, txtRecordFor(wildcard).value],
    ['a wildcard value for the name itself', apex, `ca.example; ${uri}; policy=wildcard`],
    ['another of the names of the CA', apex, `second.example; ${uri}`],
    ['the issuer in capitals and with a dot', apex, `CA.Example.; ${uri}`],
    ['no spaces', wildcard, `ca.example;${uri};policy=wildcard`],
    ['spaces and tabs around everything', wildcard, ` ca.example \t; accounturi = ${ACCOUNT} ;\tpolicy\t= wildcard `],
    ['another order', wildcard, `ca.example; policy=wildcard; ${uri}`],
    ['tags and policy in capitals', wildcard, `ca.example; ACCOUNTURI=${ACCOUNT}; Policy=WILDCARD`],
    ['a tag that is not known, twice', apex, `ca.example; future=1; ${uri}; future=2`],
    ['a policy that is not known, for the name itself', apex, `ca.example; ${uri}; policy=other`],
    ['until a later time', apex, `ca.example; ${uri}; persistUntil=1800000001`],
    ['until this very second', apex, `ca.example; ${uri}; persistUntil=1800000000`],
    ['an account with an equals sign', { ...apex, accountUrl: 'https://ca.example/?a=1' }, 'ca.example; accounturi=https://ca.example/?a=1'],
  ];
  for (const [title, task, value] of good) test(title, () => expect(authorizes(value, task, NOW_MS)).toBe(true));
});

describe('does not', () => {
  const bad: readonly [string, DnsPersistTask, string][] = [
    ['another CA', apex, `other.example; ${uri}`],
    ['another account', apex, `ca.example; ${uri}0`],
    ['the account in other letters', apex, `ca.example; accounturi=${ACCOUNT.toUpperCase()}`],
    ['no account', apex, 'ca.example'],
    ['an empty account', { ...apex, accountUrl: '' }, 'ca.example'],
    ['the name itself for a wildcard', wildcard, `ca.example; ${uri}`],
    ['a policy that is not known for a wildcard', wildcard, `ca.example; ${uri}; policy=other`],
    ['until an earlier time', apex, `ca.example; ${uri}; persistUntil=1799999999`],
    ['until no number', apex, `ca.example; ${uri}; persistUntil=2030-01-01`],
    ['until an empty time', apex, `ca.example; ${uri}; persistUntil=`],
    ['a semicolon at the end', apex, `ca.example; ${uri};`],
    ['a tag twice', apex, `ca.example; ${uri}; ${uri}`],
    ['a word that is no parameter', apex, `ca.example; ${uri}; wildcard`],
    ['a space in a value', apex, `ca.example; ${uri}; policy=wild card`],
    ['what another kind of record says', apex, 'v=spf1 -all'],
    ['nothing', apex, ''],
  ];
  for (const [title, task, value] of bad) test(title, () => expect(authorizes(value, task, NOW_MS)).toBe(false));
});
