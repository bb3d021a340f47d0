import type { Scene, Server } from './scene.ts';

// Bodies of reload and test commands that more than one test uses.

/** Reloads, and lets the server send the leaf without its chain until the next reload. */
export const leafAlone = ({ home }: Scene, lineage: string): string => {
  const fullchain = `${home.path}/live/${lineage}/fullchain.pem`;
  return `cp -L ${fullchain} ${fullchain}.was; sed '/END/q' ${fullchain}.was > ${fullchain}; hup_and_wait; cat ${fullchain}.was > ${fullchain}; rm ${fullchain}.was`;
};

/** The server's test refuses a file once it leads to the lineage's certificate, and names it. */
export const refusesFile = (conf: string, lineage: string): string =>
  `grep -q live/${lineage}/ ${conf} && refuse "nginx: [emerg] unlucky directive in ${conf}:1"; check`;

/** Ends the master, and waits until it is gone. */
export const stopMaster = ({ nginx }: Server, signal: string): string =>
  `kill -${signal} $(cat ${nginx.pidFile}); while [ -e ${nginx.pidFile} ]; do sleep 0.01; done`;
