// The demo's steps. Each says what it is about, runs what a user would type, and checks what is there afterwards.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fingerprint, httpBody, MAIN, runCertkit, startWorld, versionOf } from './world.mjs';

/** Something was not as the demo says it is. */
export class DemoFailure extends Error {}

const LINEAGE = 'example.test';
const NAMES = [LINEAGE, 'www.example.test'];
const NEIGHBOUR = 'shop.test';

export async function play({ parts, screen, names, stops, signal }) {
  screen.title('certkit: from a site without TLS to a certificate that is served, renewed, deployed, rolled back');
  screen.line();
  screen.say(
    'A real CA (Pebble, which validates over HTTP) and a real nginx (compiled from source into a prefix of its own) run on free ports. These stand for long paths in all that follows:',
  );
  const world = await startWorld(parts, { site: { names: NAMES }, neighbour: { names: [NEIGHBOUR] }, stops });
  const { nginx, pebble, home } = world;
  const roots = await pebble.roots();
  names.push([pebble.directoryUrl, '$CA'], [pebble.caBundlePath, '$CA_ROOT'], [home, '$CERTKIT_HOME'], [nginx.root, '$ROOT'], [MAIN, 'certkit']);
  screen.line();
  screen.setting(`ROOT=${nginx.root}`, 'usr/local/nginx, home/nginx/domains');
  screen.setting(`export CERTKIT_HOME=${home}`, 'else /etc/certkit');
  screen.setting(`CA=${pebble.directoryUrl}`, "else Let's Encrypt");
  screen.setting(`CA_ROOT=${pebble.caBundlePath}`, 'whom to trust for it');
  screen.setting(`alias certkit='node ${MAIN}'`);
  signal.throwIfAborted();

  const check = (isSo, sentence, otherwise) => {
    signal.throwIfAborted();
    if (!isSo) throw new DemoFailure(`it is not so that ${sentence}${otherwise === undefined ? '' : `\n${otherwise}`}`);
    screen.shown(sentence);
  };
  /** @param args - one command line; each further list is printed on a line of its own */
  const certkit = async (exitCode, ...args) => {
    screen.command(`certkit ${args[0].join(' ')}`, ...args.slice(1).map((part) => part.join(' ')));
    const result = await runCertkit(args.flat(), { home, signal, onLine: screen.output });
    if (result.exitCode !== exitCode) throw new DemoFailure(`certkit ended with exit code ${result.exitCode}; ${exitCode} was expected`);
    return result;
  };
  const served = async (name) => (await parts.verifiedHandshake({ port: nginx.httpsPort, servername: name }, roots))[0];
  const serves = async (version, reloads) => {
    const shown = await Promise.all(NAMES.map(served));
    const versions = shown.map((one) => versionOf(one, { home, lineage: LINEAGE }));
    const [{ serialNumber }] = shown;
    check(
      versions.every((one) => one === version),
      `handshakes for both names show version ${version} (serial ${short(serialNumber)})`,
      `seen: version ${versions.join(', ')}`,
    );
    check(nginx.reloads() === reloads, `nginx's own log counts ${times(reloads, 'reload')}`, `counted: ${nginx.reloads()}`);
  };

  screen.step('Before: a site over plain HTTP, and nothing that speaks TLS');
  const before = await httpBody(nginx.httpPort, LINEAGE);
  screen.command(`curl http://${LINEAGE}:${nginx.httpPort}/`);
  screen.output(before.trim());
  if (!before.includes(LINEAGE)) throw new DemoFailure('nginx does not serve the site');
  const refusal = await parts.servedCertificate({ port: nginx.httpsPort, servername: LINEAGE }).then(
    () => undefined,
    (error) => error.code,
  );
  screen.command(`curl https://${LINEAGE}:${nginx.httpsPort}/`);
  screen.output(refusal === 'ECONNREFUSED' ? 'connection refused' : (refusal ?? 'a handshake'));
  check(refusal === 'ECONNREFUSED', `nobody listens at ${nginx.httpsPort}, the port that is to be the TLS port`);

  screen.step('One command: obtain a certificate for two names, install it, prove that it is served');
  const copy = join(world.folder, 'before.conf');
  copyFileSync(world.httpConf, copy);
  await certkit(
    0,
    NAMES.flatMap((name) => ['-d', name]),
    ['--authenticator', 'webroot', '--webroot-root', world.webroot],
    ['--installer', 'nginx-custom', '--nginx-custom-binary', nginx.binary],
    ['--nginx-custom-reload-command', nginx.ngxreload, '--nginx-custom-tls-port', String(nginx.httpsPort)],
    ['--server', pebble.directoryUrl, '--ca-bundle', pebble.caBundlePath, '--agree-tos'],
  );
  screen.line();
  for (const name of NAMES) {
    const leaf = await served(name);
    screen.fact(`${name}:${nginx.httpsPort}`);
    screen.fact(`  names   ${leaf.subjectAltName?.replaceAll('DNS:', '')}`);
    screen.fact(`  issuer  ${leaf.issuer.replace(/^CN=/, '')}`);
    screen.fact(`  serial  ${leaf.serialNumber.toLowerCase()}`);
    screen.fact(`  valid   ${day(leaf.validFrom)} to ${day(leaf.validTo)}`);
    const held = leaf.subjectAltName ?? '';
    if (!NAMES.every((one) => held.includes(`DNS:${one}`))) throw new DemoFailure(`the certificate of ${name} is for ${held}`);
  }
  screen.line();
  check(true, 'both handshakes lead to the root of the CA, and the certificate holds both names');
  await serves(1, 1);

  screen.line();
  screen.say('What was edited, in the one file that was edited; the rest of it is as it was:');
  screen.command(`diff -u $CERTKIT_HOME/../before.conf ${world.httpConf}`);
  const { stdout, error } = spawnSync('diff', ['-u', copy, world.httpConf], { encoding: 'utf8' });
  if (error !== undefined) throw error;
  const changes = stdout.trimEnd().split('\n').slice(2);
  changes.forEach(screen.output);
  check(!changes.some((one) => one.startsWith('-')), 'lines were added, none was changed or removed');
  await certkit(0, ['status']);

  screen.step('Renewal is a step of its own: version 2 is pending, version 1 stays served');
  await certkit(0, ['renew', LINEAGE, '--force']);
  const pointsAt = readlinkSync(join(home, 'live', LINEAGE));
  check(
    existsSync(join(home, 'archive', LINEAGE, '0002', 'fullchain.pem')) && pointsAt.endsWith('/0001'),
    `version 2 is in the archive, live/${LINEAGE} points at version 1`,
  );
  await serves(1, 1);

  screen.step('Deployment, now instead of on its date: version 2 is served after one reload');
  await certkit(0, ['deploy', '--now']);
  await serves(2, 2);

  screen.step('Rollback: version 1 again, and version 2 stays away until it is released');
  await certkit(0, ['rollback', LINEAGE]);
  await serves(1, 3);
  const refused = await certkit(2, ['deploy', '--now']);
  check(refused.text.includes('USAGE_REJECTED_VERSION'), 'certkit refuses to deploy version 2 (exit code 2)');
  await certkit(0, ['release', LINEAGE]);
  await certkit(0, ['deploy', '--now']);
  await serves(2, 4);

  screen.step(`A vhost that somebody broke by hand: a deployment stops and touches nothing`);
  await certkit(0, ['renew', LINEAGE, '--force']);
  const sound = readFileSync(world.neighbourConf, 'utf8');
  const broken = sound.replace(/^( *root .*);$/m, '$1');
  if (broken === sound) throw new DemoFailure(`nothing to break was found in ${world.neighbourConf}`);
  screen.command(`sed -i '/^ *root/ s/;$//' ${world.neighbourConf}`);
  writeFileSync(world.neighbourConf, broken);
  const untouched = fingerprint({ nginx, home, lineage: LINEAGE });
  const stopped = await certkit(5, ['deploy', '--now']);
  check(stopped.text.includes(world.neighbourConf), 'certkit stops with exit code 5 and names the file');
  check(
    fingerprint({ nginx, home, lineage: LINEAGE }).text === untouched.text,
    `all ${untouched.files} files of the configuration have the bytes they had, and the live link is where it was`,
  );
  await serves(2, 4);

  screen.line();
  screen.say('Mended by hand, the same command goes through:');
  screen.command(`sed -i '/^ *root/ s/$/;/' ${world.neighbourConf}`);
  writeFileSync(world.neighbourConf, sound);
  await certkit(0, ['deploy', '--now']);
  await serves(3, 5);
}

const short = (serial) => serial.toLowerCase().slice(0, 8);
const day = (text) => new Date(text).toISOString().slice(0, 10);
const times = (count, what) => `${count} ${what}${count === 1 ? '' : 's'}`;
