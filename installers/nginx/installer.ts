import { loadGraph } from 'certkit/confedit/nginx';
import type { LocatingInstaller, PluginContext } from 'certkit/plugin';
import { type Commands, reload, testConfiguration, wayOfReload } from './control.ts';
import type { EnhancementOptions } from './enhancements.ts';
import { findInstance } from './find-instance.ts';
import { findingsOf } from './findings.ts';
import type { Choice, Instance } from './instance.ts';
import { completeInstance, type WholeInstance } from './pid-file.ts';
import { planDeployment } from './plan.ts';
import { locateProofs } from './proofs/locate.ts';
import { surveyInstance } from './survey.ts';

export interface NginxOptions extends Choice, EnhancementOptions {
  readonly commands: Commands;
}

/**
 * An installer for the one nginx that the options mean.
 *
 * @param name - of the plugin, for messages
 */
export function createNginxInstaller(name: string, options: NginxOptions, context: PluginContext): LocatingInstaller {
  const { commands } = options;
  let known: WholeInstance | undefined;

  return {
    async survey(signal) {
      // Found anew each time: it may have been started, stopped or upgraded since.
      const found = await findInstance(name, options, context);
      const reloadOf = async (of: Instance) => of.master && wayOfReload(of, of.master.pid, commands, context);
      const [{ survey, instance, pidFile }, early] = await Promise.all([surveyInstance(found, context, signal), reloadOf(found)]);
      const reload = early ?? (await reloadOf(instance));
      known = { instance, pidFile };
      const { testedInMs, ...rest } = survey;
      return {
        ...rest,
        server: { ...rest.server, ...(commands.reload !== undefined && { reloadCommand: commands.reload }) },
        findings: findingsOf({ instance, pidFile, reload, commands, fileCount: survey.files.length, sites: survey.sites }),
        // A command that was given may look at more than the program does.
        ...(commands.test === undefined && testedInMs !== undefined && { testedInMs }),
      };
    },

    plan: (request, survey) => planDeployment(request, survey, options),

    locates: 'proofs',
    locateProofs,

    async test(signal) {
      const instance = known?.instance ?? (await findRunner());
      await testConfiguration(instance, commands, context.programs, signal);
    },

    async reload(signal) {
      known ??= await complete(await findInstance(name, options, context));
      await reload(known.instance, known.pidFile, commands, context, signal);
    },
  };

  /** Who runs the server is all that a test must know; the configuration is read where only that tells. */
  async function findRunner(): Promise<Instance> {
    const found = await findInstance(name, options, context);
    return found.master === undefined ? (await complete(found)).instance : found;
  }

  async function complete(found: Instance): Promise<WholeInstance> {
    return completeInstance(found, await loadGraph(found.conf, context.files), context);
  }
}
