/** Hands the queue over, one batch after the other, and knows what each reply asks for. */

import type { Outside, Reply } from "./outside.js";
import type { Queue, Waiting } from "./queue.js";

/** What became of a batch, for those who listen. */
export type Tell = (name: "sent" | "rejected" | "dropped", fact: Record<string, unknown>) => void;

const BATCH = 100;
/** The server takes 500 KB. */
const BATCH_BYTES = 400_000;
/** Browsers let 64 KiB leave with a page that goes. */
const LEAVING_BYTES = 30_000;
const LEAVING_BATCHES = 4;
const REFUSALS = 3;
const SECOND = 1_000;
const LONGEST = 60 * SECOND;
const LONGEST_ASKED = 3_600 * SECOND;

export class Sender {
  private busy = false;
  /** Calls off the planned attempt; null when there is none. */
  private planned: (() => void) | null = null;
  /** Whether the planned attempt waits because one failed. */
  private held = false;
  /** The moment before which the server wants to hear nothing. */
  private until = 0;
  private failures = 0;
  private refusals = 0;
  /** Calls of a batch: fewer, for as long as the page lives, once somebody on the way found a batch too large. */
  private most = BATCH;

  constructor(
    private readonly outside: Outside,
    private readonly queue: Queue,
    private readonly key: string,
    private readonly pace: number,
    private readonly tell: Tell,
  ) {}

  /** Sends soon: what happens together leaves together. */
  soon(): void {
    if (!this.planned && !this.busy) this.plan(this.pace, false);
  }

  /** Sends at once, unless a failed attempt asked to wait. */
  flush(): void {
    if (!this.held) this.send();
  }

  /** Sends at once although an attempt failed before: the network came back. */
  again(): void {
    this.failures = 0;
    this.send();
  }

  /** The page may be gone in a moment: as much as browsers take along. What is not acknowledged stays for the next page. */
  leave(): void {
    if (this.early() || !this.outside.online()) return;
    for (let from = 0, batches = 0; from < this.queue.length && batches < LEAVING_BATCHES; batches++) {
      const calls = this.queue.first(this.most, LEAVING_BYTES, from);
      if (!calls.length) return;
      from += calls.length;
      void this.outside.post(this.body(calls), true).then((reply) => {
        if (reply.status >= 200 && reply.status < 300) this.queue.done(calls);
        // The page is still there, then, and goes on trying as ever.
        else this.soon();
      });
    }
  }

  /** Calls off what is planned. */
  stop(): void {
    this.planned?.();
    this.planned = null;
    this.held = false;
  }

  private early(): boolean {
    return this.outside.now() < this.until;
  }

  private plan(ms: number, held: boolean): void {
    this.stop();
    this.held = held;
    this.planned = this.outside.later(ms, () => {
      this.planned = null;
      this.send();
    });
  }

  private send(): void {
    if (this.busy || this.early() || !this.queue.length || !this.outside.online()) return;
    this.stop();
    const calls = this.queue.first(this.most, BATCH_BYTES);
    if (!calls.length) return;
    this.busy = true;
    void this.outside.post(this.body(calls), false).then((reply) => {
      this.busy = false;
      this.hear(reply, calls);
    });
  }

  private body(calls: readonly Waiting[]): string {
    const sentAt = new Date(this.outside.now()).toISOString();
    return `{"writeKey":${JSON.stringify(this.key)},"sentAt":"${sentAt}","batch":[${calls.map((each) => each.text).join()}]}`;
  }

  private hear(reply: Reply, calls: readonly Waiting[]): void {
    const { status } = reply;
    if (status >= 200 && status < 300) {
      this.failures = this.refusals = 0;
      this.queue.done(calls);
      this.acknowledged(reply, calls);
      if (this.queue.length) this.send();
    } else if (status === 413 && calls.length > 1) {
      this.most = Math.ceil(calls.length / 2);
      this.send();
    } else if (status === 413) {
      this.drop(calls, status);
    } else if (status >= 400 && status < 500 && ![408, 425, 429].includes(status) && ++this.refusals >= REFUSALS) {
      this.drop(calls, status);
    } else {
      this.plan(this.patience(reply), true);
    }
  }

  private acknowledged(reply: Reply, calls: readonly Waiting[]): void {
    this.tell("sent", { count: calls.length });
    if (!reply.text.includes('"rejects"')) return;
    try {
      this.tell("rejected", JSON.parse(reply.text) as Record<string, unknown>);
    } catch {
      // A receipt that cannot be read says nothing; the calls were taken.
    }
  }

  private drop(calls: readonly Waiting[], status: number): void {
    this.refusals = 0;
    this.queue.done(calls);
    this.tell("dropped", { reason: "refused", count: calls.length, status });
    this.send();
  }

  /** Milliseconds to wait: what the server asks for, else twice as long each time, and never all pages at one moment. */
  private patience(reply: Reply): number {
    const asked = reply.retryAfter.trim();
    const chance = this.outside.chance(2);
    const spread = (chance[0]! * 256 + chance[1]!) / 65_536;
    const seconds = /^\d+$/.test(asked) ? Number(asked) : (Date.parse(asked) - this.outside.now()) / SECOND;
    if (seconds >= 0) {
      const wait = Math.min(seconds * SECOND, LONGEST_ASKED);
      this.until = this.outside.now() + wait;
      return Math.ceil(wait + spread * SECOND) + 1;
    }
    const most = Math.min(LONGEST, SECOND * 2 ** Math.min(this.failures++, 10));
    return most / 2 + (spread * most) / 2;
  }
}
