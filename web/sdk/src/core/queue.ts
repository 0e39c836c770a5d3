/** What is to be sent, oldest first: in memory, and each call under a name of its own in the first-party storage.
 *
 * One name a call: two tabs never overwrite each other, and what one page could not send the next one finds. A call leaves the storage
 * when it was acknowledged; sent twice it is one, because its id and its time never change.
 */

import { timeOf, weigh } from "./ids.js";
import type { Keep } from "./outside.js";

export interface Waiting {
  id: string;
  /** The call as JSON, made once. */
  text: string;
  bytes: number;
  /** Whether the storage has it as well. */
  kept: boolean;
}

const PREFIX = "q.";
/** A call that could not be handed over for so long is given up: the server would no longer know its id. */
const DAYS_AT_MOST = 21;

export class Queue {
  private calls: Waiting[] = [];
  private bytes = 0;

  /** `lost` hears how many of the oldest went because there were more than `most` calls, or `heaviest` bytes. */
  constructor(
    private readonly keep: Keep,
    private readonly most: number,
    private readonly heaviest: number,
    private readonly lost: (count: number) => void,
  ) {}

  get length(): number {
    return this.calls.length;
  }

  push(id: string, text: string): void {
    this.hold(id, text, this.keep.write(PREFIX + id, text));
    this.trim();
  }

  /** Takes over what earlier pages left behind. */
  adopt(now: number): void {
    const known = new Set(this.calls.map((each) => each.id));
    const left = this.keep.names().filter((name) => name.startsWith(PREFIX) && !known.has(name.slice(PREFIX.length)));
    for (const name of left.sort()) {
      const text = this.keep.read(name);
      const id = name.slice(PREFIX.length);
      const age = now - timeOf(id);
      if (text && !(age > DAYS_AT_MOST * 864e5)) this.hold(id, text, true);
      else this.keep.remove(name);
    }
    this.trim();
  }

  /** The oldest calls, at most so many and so heavy; always one when there is one. They stay until they are done. */
  first(most: number, heaviest: number, from = 0): Waiting[] {
    // What another tab handed over, or forgot because of a no, is no longer there.
    if (!from) this.done(this.calls.filter((each) => each.kept && this.keep.read(PREFIX + each.id) === null));
    const taken: Waiting[] = [];
    let bytes = 0;
    for (const each of this.calls.slice(from, from + most)) {
      bytes += each.bytes + 1;
      if (taken.length && bytes > heaviest) break;
      taken.push(each);
    }
    return taken;
  }

  /** Forgets calls that need not be sent again. */
  done(calls: readonly Waiting[]): void {
    if (!calls.length) return;
    const gone = new Set(calls.map((each) => each.id));
    for (const each of calls) this.keep.remove(PREFIX + each.id);
    this.calls = this.calls.filter((each) => !gone.has(each.id));
    this.bytes = this.calls.reduce((sum, each) => sum + each.bytes, 0);
  }

  /** Forgets what this page holds. */
  drop(): void {
    this.done(this.calls);
  }

  /** Forgets everything, also what other pages left behind. */
  clear(): void {
    this.drop();
    for (const name of this.keep.names()) if (name.startsWith(PREFIX)) this.keep.remove(name);
  }

  private hold(id: string, text: string, kept: boolean): void {
    const bytes = weigh(text);
    this.calls.push({ id, text, bytes, kept });
    this.bytes += bytes;
  }

  private trim(): void {
    let over = 0;
    let bytes = this.bytes;
    while (over < this.calls.length && (this.calls.length - over > this.most || bytes > this.heaviest)) bytes -= this.calls[over++]!.bytes;
    if (!over) return;
    this.done(this.calls.slice(0, over));
    this.lost(over);
  }
}
