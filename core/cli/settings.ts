import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** The home named by `--home`, else by CERTKIT_HOME, else `/etc/certkit` for root and the user's configuration folder for others. */
export function homeOf(option: string | undefined, env: NodeJS.ProcessEnv, uid: number): string {
  const named = option ?? env.CERTKIT_HOME;
  if (named !== undefined && named !== '') return resolve(named);
  if (uid === 0) return '/etc/certkit';
  const base = env.XDG_CONFIG_HOME;
  return join(base?.startsWith('/') ? base : join(homedir(), '.config'), 'certkit');
}

/** Where programs are looked for: cron's PATH lacks the places that source builds and administrators use. */
export function pathOf(env: NodeJS.ProcessEnv): string {
  const own = (env.PATH ?? '').split(':').filter((folder) => folder.startsWith('/'));
  const usual = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
  return [...new Set([...own, ...usual])].join(':');
}

/** The proxy that leads to the CA, as curl and others read it from the environment. */
export function proxyOf(env: NodeJS.ProcessEnv): string | undefined {
  const proxy = env.HTTPS_PROXY ?? env.https_proxy;
  return proxy === undefined || proxy === '' ? undefined : proxy;
}

/** The person's editor, as git, crontab and others read it from the environment: a program, perhaps with arguments. */
export function editorOf(env: NodeJS.ProcessEnv): string | undefined {
  return [env.VISUAL, env.EDITOR].find((editor) => editor !== undefined && editor.trim() !== '');
}
