import { closeSync, openSync } from 'node:fs';

/** Three pipes with two ends each, the one that tells of a failed exec, and the child's own handle. */
const FOR_A_PROGRAM = 10;

/**
 * Throws EMFILE or ENFILE where there are too few descriptors left to start a program.
 *
 * Node answers that with a child that has no streams; execa stumbles over it, and the child's error event, which nobody listens to then,
 * ends this process in the middle of its work.
 */
export function requireSpareDescriptors(): void {
  const held: number[] = [];
  try {
    while (held.length < FOR_A_PROGRAM) held.push(openSync('/dev/null', 'r'));
  } finally {
    for (const descriptor of held) closeSync(descriptor);
  }
}
