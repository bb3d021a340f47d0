import { asCertkitError, faultFacts } from '../errors.ts';
import type { NewsItem } from '../model/news.ts';
import { logLines } from '../policy/log-lines.ts';
import type { NotifyNeeds } from './notify.ts';

/** Writes what nobody else heard into the machine's own log. Answers whether it is there; that it is not is told where the run speaks. */
export async function writeToSystemLog(
  remarks: readonly string[],
  items: readonly NewsItem[],
  { systemLog, tell, signal }: Pick<NotifyNeeds, 'systemLog' | 'tell' | 'signal'>,
): Promise<boolean> {
  try {
    await systemLog.write(logLines(remarks, items), signal);
    return true;
  } catch (thrown) {
    tell({ type: 'untold', channel: 'the system log (syslog)', fault: faultFacts(asCertkitError(thrown)) });
    return false;
  }
}
