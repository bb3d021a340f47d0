import { loadGraph } from 'certkit/confedit/nginx';
import type { Installer, PluginContext } from 'certkit/plugin';
import { type Commands, reload, testConfiguration } from './control.ts';
import { type Choice, findInstance, type Instance } from './instance.ts';
import { planDeployment } from './plan.ts';
import { completeInstance, surveyInstance } from './survey.ts';

export interface NginxOptions extends Choice {
  readonly commands: Commands;
  readonly tlsPort: number;
}

/**
 * An installer for the one nginx that the options mean.
 *
 * @param name - of the plugin, for messages
 */
export function createNginxInstaller(name: string, options: NginxOptions, context: PluginContext): Installer {
  let surveyed: { readonly instance: Instance; readonly pidFile: string } | undefined;

  return {
    async survey(signal) {
      // Found anew each time: it may have been started, stopped or upgraded since.
      const { survey, instance, pidFile } = await surveyInstance(await findInstance(name, options, context), context, signal);
      surveyed = { instance, pidFile };
      return survey;
    },

    plan: (request, survey) => planDeployment(request, survey, options.tlsPort),

    async test(signal) {
      const instance = surveyed?.instance ?? (await findInstance(name, options, context));
      await testConfiguration(instance, options.commands, context.programs, signal);
    },

    async reload(signal) {
      surveyed ??= await findWhole();
      await reload(surveyed.instance, surveyed.pidFile, options.commands, context, signal);
    },
  };

  async function findWhole() {
    const found = await findInstance(name, options, context);
    return completeInstance(found, await loadGraph(found.conf, context.files), context);
  }
}
