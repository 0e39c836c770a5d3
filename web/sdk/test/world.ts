/** A world for the core without a browser: a clock that is turned by hand, a server that replies as it is told, and a shelf. */

import { Client, type Settings } from "../src/core/client.js";
import type { Keep, Outside, Reply } from "../src/core/outside.js";

export interface Sent {
  body: { writeKey: string; sentAt: string; batch: Record<string, any>[] };
  leaving: boolean;
}

export class World implements Outside {
  time = Date.UTC(2026, 10, 22, 9);
  shelf = new Map<string, string>();
  sent: Sent[] = [];
  /** The replies to come, in order; after them everything is taken. */
  script: Partial<Reply>[] = [];
  timers: { at: number; then: () => void }[] = [];
  connected = true;
  hidden = false;
  full = false;
  private seed = 1;

  keep: Keep = {
    read: (name) => this.shelf.get(name) ?? null,
    write: (name, value) => {
      if (this.full) return false;
      this.shelf.set(name, value);
      return true;
    },
    remove: (name) => void this.shelf.delete(name),
    names: () => [...this.shelf.keys()],
  };

  now = () => this.time;
  online = () => this.connected;
  leaving = () => this.hidden;
  context = () => ({ locale: "es-ES", page: { path: "/botas", title: "Botas" } });

  timezone = () => "Europe/Madrid";

  chance(bytes: number): Uint8Array {
    return Uint8Array.from({ length: bytes }, () => (this.seed = (this.seed * 48271) % 2147483647) & 255);
  }

  later(ms: number, then: () => void): () => void {
    const timer = { at: this.time + ms, then };
    this.timers.push(timer);
    return () => void (this.timers = this.timers.filter((each) => each !== timer));
  }

  post(body: string, leaving: boolean): Promise<Reply> {
    this.sent.push({ body: JSON.parse(body), leaving });
    return Promise.resolve({ status: 200, retryAfter: "", text: "", ...this.script.shift() });
  }

  /** Lets so many milliseconds pass, everything planned in its turn. */
  async pass(ms: number): Promise<void> {
    const end = this.time + ms;
    await settled();
    for (;;) {
      const next = this.timers.filter((each) => each.at <= end).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.timers = this.timers.filter((each) => each !== next);
      this.time = Math.max(this.time, next.at);
      next.then();
      await settled();
    }
    this.time = end;
  }

  /** Every call that was sent, in order, those sent again as well. */
  calls(): Record<string, any>[] {
    return this.sent.flatMap((each) => each.body.batch);
  }

  names(): string[] {
    return this.calls().map((call) => call.event ?? call.type);
  }

  /** Opens a page of the shop; the shelf is the same for all. */
  page(settings: Partial<Settings> = {}): Client & { lost: any[] } {
    const client = new Client(this, { writeKey: "wk_norte", notice: "7", language: "es", ...settings }) as Client & { lost: any[] };
    client.lost = [];
    client.on("dropped", (fact) => client.lost.push(fact));
    client.start();
    return client;
  }
}

/** Everything that promises had to say has been said. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 30; i++) await Promise.resolve();
}

export const YES = { personalisation: true, measurement: true };
export const NO = { personalisation: false, measurement: false };
