/** The window that a CA suggests for renewing one version, and the moment in it that was chosen (RFC 9773 section 4.2). */
export interface RenewalWindow {
  readonly startMs: number;
  readonly endMs: number;
  /** Start of the window that was first kept for this version. */
  readonly firstStartMs: number;
  /** At the first asking the window lay wholly before the date that any certificate of this life would get. */
  readonly early: boolean;
  readonly pointMs: number;
  /** A page of the CA that tells why, for people. */
  readonly explanation?: string;
}

/** What is known of a version's window; nothing but when to ask again where the CA gave none. */
export interface AskedWindow {
  /** The CA is not asked again before. */
  readonly checkAtMs: number;
  readonly window?: RenewalWindow;
}

/** By version number. */
export type WindowsOfLineage = Readonly<Record<number, AskedWindow>>;
