import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path';
import type { FileReader } from 'certkit/plugin';
import { directivesOf, GUIDELINE, PROFILES, type Profile } from './mozilla.ts';

const FIRST_LINE = /^# certkit: [^\n]*; SHA-256 of the lines below: ([0-9a-f]{64})\n/;

/** Where a profile is put: beside the main configuration, where relative includes begin. */
export function profilePath(conf: string, profile: Profile): string {
  return join(dirname(conf), `certkit-tls-${profile}.inc`);
}

/** The whole file. Its first line tells later whether somebody has changed the others. */
export function profileText(profile: Profile, version: string | undefined): string {
  const lines = directivesOf(profile, version).map(([name, value]) => `${name} ${value};\n`);
  const text = lines.join('');
  const whose = `# certkit: TLS profile "${profile}" of Mozilla's Server Side TLS guideline ${GUIDELINE}, kept up to date by certkit while nobody changes it`;
  return `${whose}; SHA-256 of the lines below: ${hashOf(text)}\n${text}`;
}

/** Whether a file is as certkit wrote it, now or in an earlier version. */
export function isUnmodified(bytes: Uint8Array): boolean {
  const text = new TextDecoder().decode(bytes);
  const found = FIRST_LINE.exec(text);
  return found !== null && found[1] === hashOf(text.slice(found[0].length));
}

/** What is in the profiles' places now, whether an include names them or not. */
export async function readProfiles(conf: string, files: FileReader): Promise<ReadonlyMap<string, Uint8Array>> {
  const entries = await Promise.all(PROFILES.map(async (profile) => [profilePath(conf, profile), await files.read(profilePath(conf, profile))] as const));
  return new Map(entries.flatMap(([path, bytes]) => (bytes === undefined ? [] : [[path, bytes] as const])));
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
