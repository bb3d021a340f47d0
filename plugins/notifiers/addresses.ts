import { invalidOption } from './undelivered.ts';

/** An address as an envelope takes it (RFC 5321 section 4.1.2, without quoted local parts), or the name of a local mailbox. */
const ADDRESS = /^(?!-)[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+(?:@(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Za-z.:]+\]))?$/;

export function parseAddress(option: string, text: string): string {
  const address = text.trim();
  if (ADDRESS.test(address)) return address;
  throw invalidOption('mail', option, `"${address}" is no mail address`, 'Write it alone, without a name: admin@example.com, or root for a local mailbox.');
}

/** Addresses that are separated by commas. */
export const parseAddresses = (option: string, text: string): readonly string[] => text.split(',').map((part) => parseAddress(option, part));
