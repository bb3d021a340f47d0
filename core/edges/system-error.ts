const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EBUSY: 'it is in use as a mount point',
  EDQUOT: 'the disk quota is used up',
  EEXIST: 'something is there already',
  EFBIG: 'it would be larger than a file may be here',
  EIO: 'the device reports an input/output error',
  EISDIR: 'it is a directory',
  ELOOP: 'it is a symbolic link, or links lead in a circle',
  EMFILE: 'this process has too many files open',
  ENAMETOOLONG: 'the name is too long',
  ENFILE: 'the machine has too many files open',
  ENOENT: 'no such file or directory',
  ENOSPC: 'no space is left on the device',
  ENOTDIR: 'something on the way is not a directory',
  ENOTEMPTY: 'the directory is not empty',
  EPERM: 'the operation is not permitted (an immutable file or directory, or a missing capability)',
  EROFS: 'the file system is read-only',
  ETXTBSY: 'it is being executed',
};

/** The code of an error of the operating system, such as `ENOSPC`. */
export function systemCode(thrown: unknown): string | undefined {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : undefined;
}

/** What the operating system meant, in words for people, with its code. */
export function reasonOf(thrown: unknown): string {
  const code = systemCode(thrown);
  const words = code === undefined ? undefined : REASONS[code];
  if (words !== undefined) return `${words} (${code})`;
  return thrown instanceof Error ? thrown.message : String(thrown);
}
