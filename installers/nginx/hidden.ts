import type { NginxFacts } from './survey.ts';

/** What cannot be read and may hold the block for a name, with where it is. */
export function hiddenFrom(name: string, { servers, disagreements }: Pick<NginxFacts, 'servers' | 'disagreements'>): string | undefined {
  const [hidden] = [...servers.faultsHiding(name).map(({ file, line, message }) => ({ file, line, because: message })), ...disagreements];
  if (hidden === undefined) return undefined;
  const where = hidden.line === undefined || hidden.line === 0 ? hidden.file : `${hidden.file}:${hidden.line}`;
  return `${where}: ${hidden.because}`;
}
