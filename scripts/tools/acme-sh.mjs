// acme.sh as Debian packages it: the script with its dnsapi, unpacked.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './run.mjs';
import { unpackDeb } from './unpack.mjs';

export const acmeSh = {
  name: 'acme-sh',
  revision: 1,
  intent: "not there yet: Debian's package acme.sh of sid (0.5 MB, and an index of 10 MB) is downloaded and unpacked; nothing on the system changes",

  prepare({ dir, apt }) {
    const [deb] = apt.downloadFromSid(['acme.sh'], join(dir, 'deb'));
    unpackDeb(deb, dir);
    const version = run('dpkg-deb', ['-f', deb, 'Version']).stdout.trim();
    rmSync(join(dir, 'deb'), { recursive: true });
    // Its /usr/bin/acme.sh starts the system's. The script itself finds dnsapi beside it, wherever it lies.
    // What its dnsapi needs is looked for when it is used: curl or wget and openssl by most, nsupdate alone by dns_nsupdate.
    const home = 'usr/share/acme.sh';
    run(join(dir, home, 'acme.sh'), ['--version'], { remedy: 'The script that was unpacked does not run here.', env: { LE_WORKING_DIR: join(dir, 'home') } });
    return { version, paths: { acmesh: `${home}/acme.sh`, dnsapi: `${home}/dnsapi` } };
  },
};
