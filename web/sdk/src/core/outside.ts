/** What the core needs of the world. It knows no browser: a page, a test or another shell brings these. */

/** How a request ended. `status` 0: no answer came (offline, reset, timed out). */
export interface Reply {
  status: number;
  /** The `Retry-After` header as it came; empty when there was none. */
  retryAfter: string;
  /** The body, as far as it could be read. */
  text: string;
}

/** A place for short texts that outlives the page. Every method keeps quiet when the place refuses. */
export interface Keep {
  read(name: string): string | null;
  /** False when it could not be kept. */
  write(name: string, value: string): boolean;
  remove(name: string): void;
  /** Every name that is kept, in no order. */
  names(): string[];
}

export interface Outside {
  /** Milliseconds since 1970. */
  now(): number;
  /** So many random bytes, fit for ids. */
  chance(bytes: number): Uint8Array;
  /** Does something after so many milliseconds; gives what calls it off. */
  later(ms: number, then: () => void): () => void;
  keep: Keep;
  /** Hands a body over; `leaving` when the page may be gone before the reply. Never rejects. */
  post(body: string, leaving: boolean): Promise<Reply>;
  /** False when there is surely no network. */
  online(): boolean;
  /** True when the page is hidden or going: what is to be sent must leave at once. */
  leaving(): boolean;
  /** What every call says of where it was made: page and language. */
  context(): Record<string, unknown>;
  /** The device's time zone, by its IANA name; empty when it is not known. */
  timezone(): string;
}
