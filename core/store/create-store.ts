import { createAccounts } from './accounts.ts';
import { createArchive } from './archive.ts';
import { createAuthorityRecords } from './authority-states.ts';
import { createChannels } from './channel-file.ts';
import { createCheckpoints } from './checkpoint.ts';
import { createConfigurations } from './configuration.ts';
import { createDnsAccounts } from './dns-account-file.ts';
import { createDrafts } from './drafts.ts';
import { createHeartbeats } from './heartbeat-file.ts';
import { createHookFolders } from './hook-folders.ts';
import { createJournal } from './journal.ts';
import { createLastRuns } from './last-run-file.ts';
import { createLayout } from './layout.ts';
import { createLineageIndex } from './lineage-index.ts';
import { createLineages } from './lineages.ts';
import { createLocking } from './locking.ts';
import { createMaking } from './making.ts';
import { createToldNews } from './news-file.ts';
import { createRenewalWindows } from './renewal-windows.ts';
import { createRevocationRecords } from './revocations.ts';
import { createRunLog } from './run-log.ts';
import { createSafety } from './safety.ts';
import { createStates } from './state.ts';
import type { Store, StoreNeeds } from './store.ts';
import { createSweeping } from './sweep.ts';
import { createWrittenRecords } from './written.ts';
import { createYamlFiles } from './yaml-files.ts';

export function createStore({ home, files, locks, clock, uid, lockLimitMs }: StoreNeeds): Store {
  const layout = createLayout(home);
  const yamlFiles = createYamlFiles(files, uid);
  const lineages = createLineages(layout, files, yamlFiles);
  const locking = createLocking(layout, locks, lockLimitMs);
  const archive = createArchive(layout, files);
  const states = createStates(layout, files);
  const renewalWindows = createRenewalWindows(layout, files);
  const revocationRecords = createRevocationRecords(layout, files);
  const heartbeats = createHeartbeats(layout, files, yamlFiles);
  return {
    home,
    ...createSafety(layout, files, uid),
    ...lineages,
    ...createLineageIndex({ layout, files, lineages, archive, states, renewalWindows, revocationRecords, heartbeats }),
    ...locking,
    ...archive,
    ...createMaking(layout, files),
    ...states,
    ...createJournal(layout, files),
    ...createCheckpoints(layout, files),
    ...createAccounts(layout, files, clock),
    ...createRunLog(layout, files, locks, clock),
    ...createSweeping(layout, files),
    ...createWrittenRecords(layout, files),
    ...renewalWindows,
    ...revocationRecords,
    ...createChannels(layout, files, yamlFiles),
    ...createDnsAccounts(layout, files, yamlFiles),
    ...createConfigurations({ layout, files, yamlFiles, lineages, locking }),
    ...createDrafts(layout, files),
    ...createToldNews(layout, files),
    ...createAuthorityRecords(layout, files),
    ...createHookFolders(layout, files, lineages, uid),
    ...createLastRuns(layout, files),
    heartbeat: heartbeats.heartbeat,
  };
}
