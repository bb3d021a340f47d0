import { isAbsolute, join } from 'node:path';
import { type CertkitError, fault, isCertkitError } from '../errors.ts';
import type { FileReader, Secrets } from '../ports.ts';
import { requireOwnFile } from './safety.ts';

const OPEN_TO_OTHERS = 0o007;
const OPEN_TO_GROUP = 0o070;
const LIMIT_BYTES = 65_536;

export interface SecretNeeds {
  readonly files: FileReader;
  /** Who runs this program. */
  readonly uid: number;
  /** A variable of its environment. */
  variable(name: string): string | undefined;
}

type Refuse = (because: string, hint: string) => CertkitError;

export function createSecrets({ files, uid, variable }: SecretNeeds): Secrets {
  async function fromFile(path: string, tooOpen: number, refuse: Refuse): Promise<string> {
    const facts = await files.facts(path, 'follow');
    if (facts === undefined) throw refuse('it is not there', `Create it with the secret as its one line: install -m 600 /dev/null ${path}`);
    if (facts.type !== 'file') throw refuse(`it is no regular file`, 'It has to be a file with the secret as its one line.');
    if (facts.uid !== 0 && facts.uid !== uid) throw refuse(`it belongs to user ${facts.uid}`, 'It has to belong to root or to the user certkit runs as.');
    if ((facts.mode & tooOpen) !== 0) throw refuse(`it is open to others (mode ${facts.mode.toString(8).padStart(4, '0')})`, `chmod 600 ${path}`);
    await requireOwnFile(path, files, uid).catch((thrown: unknown) => {
      if (isCertkitError(thrown)) throw refuse(thrown.message, 'Make it and the directories above it yours alone to write.');
      throw thrown;
    });
    if (facts.size > LIMIT_BYTES) throw refuse(`it has more than ${LIMIT_BYTES} bytes`, 'It has to hold the secret and nothing else.');
    return textOf((await files.read(path)) ?? new Uint8Array(), refuse);
  }

  return {
    async read(reference) {
      switch (reference.kind) {
        case 'file':
          return fromFile(reference.path, OPEN_TO_OTHERS | OPEN_TO_GROUP, refusing(`the file ${reference.path}`));
        case 'env': {
          const refuse = refusing(`the variable ${reference.name}`);
          const value = variable(reference.name);
          if (value !== undefined && value !== '') return oneLine(value, refuse);
          throw refuse(
            'it is not set here',
            'Set it for this command. What a scheduler starts has none of your variables: use {file: PATH} for it, or {credential: NAME} with LoadCredential= in the unit (docs/scheduling.md).',
          );
        }
        case 'credential': {
          const refuse = refusing(`the systemd credential ${reference.name}`);
          const folder = variable('CREDENTIALS_DIRECTORY');
          const hint = `Have the unit load it: "systemctl edit certkit-renew.service", with LoadCredential=${reference.name}:PATH below [Service] (docs/scheduling.md).`;
          if (folder === undefined || !isAbsolute(folder)) throw refuse('systemd handed no credentials to this command', hint);
          const path = join(folder, reference.name);
          if ((await files.facts(path)) === undefined) throw refuse('systemd handed others to this command, and not this one', hint);
          // Where the unit's user is not root, an ACL lets them read it, and the group's bits are the mask of that.
          return fromFile(path, OPEN_TO_OTHERS, refuse);
        }
      }
    },
  };
}

function refusing(where: string): Refuse {
  return (because, hint) => fault('PLUGIN_SECRET_UNREADABLE', { where, because, hint });
}

function textOf(bytes: Uint8Array, refuse: Refuse): string {
  try {
    return oneLine(new TextDecoder('utf-8', { fatal: true }).decode(bytes), refuse);
  } catch (thrown) {
    if (isCertkitError(thrown)) throw thrown;
    throw refuse('it is no text in UTF-8', 'It has to hold the secret and nothing else.');
  }
}

function oneLine(text: string, refuse: Refuse): string {
  const secret = text.replace(/\r?\n$/, '');
  if (secret.trim() === '') throw refuse('it is empty', 'It has to hold the secret, as one line.');
  if (/[\0\r\n]/.test(secret)) throw refuse('it has more than one line', 'It has to hold the secret and nothing else.');
  return secret;
}
