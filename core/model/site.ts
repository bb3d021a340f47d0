import type { ServedPath } from './challenge.ts';

/** Where a server can be reached for a handshake. */
export type Endpoint =
  | {
      readonly kind: 'tcp';
      /** An IP address without brackets as the server listens on it; `0.0.0.0` and `::` are the wildcards. */
      readonly address: string;
      readonly port: number;
      /** The listen expects a PROXY protocol header before TLS. */
      readonly proxyProtocol: boolean;
    }
  | { readonly kind: 'unix'; readonly path: string; readonly proxyProtocol: boolean };

/** One listen of a site. */
export interface Listen {
  readonly endpoint: Endpoint;
  readonly tls: boolean;
  /** QUIC is reported and not probed. */
  readonly quic: boolean;
}

/** A certificate and key that a site uses now: the paths as the configuration resolves them. */
export interface InstalledPair {
  readonly certificate: string;
  readonly key: string;
}

/** A place in a server where a certificate can go. */
export interface Site {
  /** `file:line` of where the site begins. */
  readonly id: string;
  readonly file: string;
  readonly line: number;
  /** As the server reads them, lower-case; patterns included (`*.example.com`, `~^www\d+`). */
  readonly names: readonly string[];
  readonly listens: readonly Listen[];
  readonly pairs: readonly InstalledPair[];
  /** The directory served at `/`, where the configuration says so plainly. */
  readonly root?: string;
  /** Why no certificate is put here, where that can be told beforehand. */
  readonly aloof?: string;
}

/** How a running server was started, so that one that dies of a reload can be started again. */
export interface ServerProcess {
  readonly pid: number;
  readonly executable: string;
  readonly argv: readonly string[];
  readonly cwd: string;
  /** Another user started it, and only they may start it again: what they run is never run as root. */
  readonly foreign?: boolean;
}

export interface Server {
  /** The same for every lineage and option set that means this server: groups deployments, names locks. */
  readonly key: string;
  /** What a person calls it: `nginx 1.22.1 at /etc/nginx/nginx.conf`. */
  readonly title: string;
  /** Handshakes prove a deployment here; false for files that another machine or program will read. */
  readonly probeable: boolean;
  /** The command that a reload is, where it is one that was given. Servers with the same one are reloaded by running it once. */
  readonly reloadCommand?: readonly string[];
  /** Absent while the server is not running. */
  readonly process?: ServerProcess;
}

/** What a server makes of a CA that asks it for `/.well-known/acme-challenge/TOKEN` of a name over plain HTTP, redirects within the server followed. */
export type ProofsPlace = {
  /** One of its sites has the name; else it answers by a site that is for names that no other has. */
  readonly byName: boolean;
  /** It is asked at port 80, where CAs ask; else the way there leads through somebody else. */
  readonly atPort80: boolean;
} & (
  | {
      readonly kind: 'files';
      readonly at: ServedPath;
      /** The `file:line` where the site begins that serves them. */
      readonly site: string;
    }
  /** It serves no files there, or does not say plainly which. */
  | { readonly kind: 'none'; readonly because: string }
);

/** A file as it was surveyed; edits are planned against these very bytes. */
export interface SurveyedFile {
  /** The path the server reads. */
  readonly path: string;
  /** Lower-case hex of the SHA-256 of `bytes`. */
  readonly sha256: string;
  readonly bytes: Uint8Array;
}

/** Something the survey could not read; the sites it may hide are errors, never silently absent. */
export interface SurveyFault {
  readonly file: string;
  readonly line?: number;
  readonly because: string;
}

/** What an installer found, as plain data. An installer may add members of its own for its `plan`. */
export interface Survey {
  readonly server: Server;
  readonly sites: readonly Site[];
  readonly files: readonly SurveyedFile[];
  readonly faults: readonly SurveyFault[];
  /** How the server was found and what follows from it, for `doctor`: what, and the fact. */
  readonly findings?: readonly Finding[];
  /** The survey included the server's own test, which passed and took so long. */
  readonly testedInMs?: number;
}

/** One line of `doctor`: `program` is `/usr/sbin/nginx`. */
export interface Finding {
  readonly what: string;
  readonly is: string;
}

/** How an endpoint is written for people: `127.0.0.1:443`, `[::]:443`, `unix:/run/x.sock`. */
export function endpointText(endpoint: Endpoint): string {
  if (endpoint.kind === 'unix') return `unix:${endpoint.path}`;
  return `${endpoint.address.includes(':') ? `[${endpoint.address}]` : endpoint.address}:${endpoint.port}`;
}
