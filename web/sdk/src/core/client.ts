/** The analytics.js calls, closed until the visitor says yes.
 *
 * Before the answer calls wait in memory; a no forgets them; only a yes makes an id, stores anything and sends. What waited counts from the
 * moment of the yes: of the time before it nothing is said.
 */

import { sort, type Call, type Kind, type Options, type Properties } from "./calls.js";
import { recall, retain, whole, yesToAny, type Answered, type Answers } from "./consent.js";
import { Emitter } from "./emitter.js";
import { blindId, timedId, weigh } from "./ids.js";
import type { Outside } from "./outside.js";
import { Queue } from "./queue.js";
import { Sender } from "./sender.js";
import { hooks } from "./shop.js";

export interface Settings {
  writeKey: string;
  /** Of the notice that the page itself shows, when an answer comes without one. */
  notice?: string;
  language?: string;
  /** How long an answer holds before it is asked for anew. */
  months?: number;
  /** The browser asks not to be profiled: a no, without asking, unless the visitor answers nevertheless. */
  refused?: boolean;
  /** A token of the shop's server that says who is logged in. */
  identity?: string | (() => string | undefined);
  /** Milliseconds in which calls are gathered before they leave. */
  pace?: number;
  /** How many calls wait for an answer, and how many for the network. */
  waitingAtMost?: number;
  queuedAtMost?: number;
  queuedBytesAtMost?: number;
}

/** `asking`: nobody answered; `open`: yes to something; `closed`: no to everything. */
export type State = "asking" | "open" | "closed";

interface Held {
  call: Call;
  options: Options;
  context: Properties;
}

const ITEM_BYTES = 32_000;

export class Client extends Emitter {
  private answered: Answered | null = null;
  private standing: State = "asking";
  private waiting: Held[] = [];
  private anonymous: string | null = null;
  private userId: string | null = null;
  private traits: Properties = {};
  /** The id and the answer that were told to the server last. */
  private told = "";
  private last = 0;
  private readonly queue: Queue;
  private readonly sender: Sender;
  private readonly shop = hooks((event, properties) => this.take({ type: "track", event, properties }, {}));
  readonly cart = this.shop.cart;
  readonly product = this.shop.product;
  readonly list = this.shop.list;
  readonly wishlist = this.shop.wishlist;
  readonly stock = this.shop.stock;
  readonly order = this.shop.order;

  constructor(
    private readonly outside: Outside,
    private readonly settings: Settings,
  ) {
    super();
    const lost = (count: number) => this.emit("dropped", { reason: "ceiling", count });
    this.queue = new Queue(outside.keep, settings.queuedAtMost ?? 1_000, settings.queuedBytesAtMost ?? 1_000_000, lost);
    this.sender = new Sender(outside, this.queue, settings.writeKey, settings.pace ?? 400, (name, fact) => this.emit(name, fact));
  }

  /** Begins: with the answer that is kept, or with none. */
  start(): State {
    const kept = recall(this.outside.keep, this.outside.now(), this.settings.months ?? 13);
    if (this.settings.refused && !kept?.despite) {
      // The browser's own no is newer than a yes that was given without it.
      if (yesToAny(kept)) this.recant(kept!);
      else this.close();
    } else if (kept) this.settle(kept);
    else {
      this.sweep();
      this.queue.clear();
    }
    this.emit("ready");
    return this.standing;
  }

  // ── The calls ──────────────────────────────────────────────────────────────────────────────────────────────────────

  track(...given: unknown[]): Promise<void> {
    const { words, things, then } = sort(given, 1);
    return this.take({ type: "track", event: words[0] || "", properties: things[0] || {} }, things[1], then);
  }

  page(...given: unknown[]): Promise<void> {
    return this.seen("page", given);
  }

  screen(...given: unknown[]): Promise<void> {
    return this.seen("screen", given);
  }

  identify(...given: unknown[]): Promise<void> {
    const { words, things, then } = sort(given, 1);
    const id = words[0] || this.userId;
    if (id !== this.userId) this.traits = {};
    this.become(id);
    Object.assign(this.traits, things[0]);
    return this.take({ type: "identify", traits: { ...this.traits } }, things[1], then);
  }

  group(...given: unknown[]): Promise<void> {
    const { words, things, then } = sort(given, 1);
    return this.take({ type: "group", groupId: words[0] || "", traits: things[0] || {} }, things[1], then);
  }

  alias(...given: unknown[]): Promise<void> {
    const { words, things, then } = sort(given, 2);
    const previousId = words[1] || this.userId || this.anonymousId() || "";
    return this.take({ type: "alias", userId: words[0] || "", previousId }, things[0], then);
  }

  /** Forgets who is logged in, and the device's id: the next visitor of a shared device is somebody else. The answers stay. */
  reset(): void {
    this.become(null);
    this.traits = {};
    this.anonymous = null;
    this.told = "";
    for (const name of ["id", "told"]) this.outside.keep.remove(name);
    this.emit("reset");
  }

  ready(then: () => void): this {
    quietlySoon(then);
    return this;
  }

  user() {
    return {
      id: () => this.userId,
      /** Null until there is a yes: an id is made with it. */
      anonymousId: (id?: string) => (id ? this.setAnonymousId(id) : this.anonymousId()),
      traits: () => ({ ...this.traits }),
    };
  }

  setAnonymousId(id: string): string {
    this.anonymous = id;
    if (this.standing === "open") this.outside.keep.write("id", id);
    return id;
  }

  /** Sends what waits for the network now. */
  flush(): void {
    this.sender.flush();
  }

  /** The page may be gone in a moment. */
  leave(): void {
    this.sender.leave();
  }

  /** The network came back. */
  again(): void {
    this.sender.again();
  }

  // ── The answers ────────────────────────────────────────────────────────────────────────────────────────────────────

  state(): State {
    return this.standing;
  }

  answers(): Answered | null {
    return this.answered;
  }

  /** Takes an answer: what it does not name is a no. `proof` says which words were shown. */
  answer(some: Partial<Answers>, proof: { notice?: string; language?: string; method?: string } = {}): void {
    const before = this.answered;
    const answered: Answered = {
      answers: whole(some, before?.answers.on_site),
      notice: proof.notice || this.settings.notice || "",
      language: proof.language || this.settings.language || "",
      at: this.outside.now(),
      method: proof.method || "page",
      ...(this.settings.refused ? { despite: true } : {}),
    };
    if (!yesToAny(answered) && yesToAny(before)) this.withdraw(answered);
    retain(this.outside.keep, answered);
    this.told = "";
    this.settle(answered);
  }

  /** Another tab of this shop was answered. */
  overheard(): void {
    const kept = recall(this.outside.keep, this.outside.now(), this.settings.months ?? 13);
    if (!kept || kept.at === this.answered?.at) return;
    if (!yesToAny(kept)) this.queue.drop();
    // Whoever was answered has said so to the server as well.
    this.told = this.outside.keep.read("told") || this.told;
    this.settle(kept);
  }

  /** Takes back a yes that is kept because the browser says no now. Of that no nothing is kept: it is told anew on every page. */
  private recant(kept: Answered): void {
    const { keep } = this.outside;
    this.standing = "open";
    this.anonymous = keep.read("id");
    this.userId = keep.read("user");
    if (this.anonymous) this.withdraw({ ...kept, answers: whole({}, kept.answers.on_site), at: this.outside.now(), method: "gpc" });
    this.answered = null;
    keep.remove("consent");
    this.close();
  }

  private settle(answered: Answered): void {
    this.answered = answered;
    if (!yesToAny(answered)) this.close();
    else this.open();
    this.emit("consent", { ...answered.answers }, answered);
  }

  private open(): void {
    const { keep } = this.outside;
    this.standing = "open";
    if (this.userId) keep.write("user", this.userId);
    else this.userId = keep.read("user");
    if (this.anonymous) keep.write("id", this.anonymous);
    this.queue.adopt(this.outside.now());
    const held = this.waiting;
    this.waiting = [];
    this.proven();
    for (const each of held) this.finish(each);
    if (this.queue.length) this.sender.soon();
  }

  /** Says no in the queue's place: what was not sent is forgotten, and so is the device's id once the no is written down. */
  private withdraw(answered: Answered): void {
    this.queue.clear();
    this.answered = answered;
    this.prove();
    this.anonymous = this.userId = null;
    this.traits = {};
  }

  private close(): void {
    const waited = this.waiting.length;
    this.standing = "closed";
    this.waiting = [];
    this.anonymous = null;
    this.sweep();
    if (waited) this.emit("dropped", { reason: "consent", count: waited });
    // The no itself, if there is one on its way.
    this.queue.adopt(this.outside.now());
    if (this.queue.length) this.sender.soon();
  }

  /** Removes what says who somebody is. */
  private sweep(): void {
    for (const name of ["id", "user", "told"]) this.outside.keep.remove(name);
  }

  /** Queues the answer with its proof. Nobody vouches for a user here, so a yes is the device's; a no is its user's as well. */
  private prove(): void {
    const { answers, notice, language, at, method } = this.answered!;
    const given = yesToAny(this.answered);
    const context = { ...this.outside.context(), consent: { categoryPreferences: answers, notice }, ...(language ? { locale: language } : {}) };
    const properties = { ...answers, method, answered_at: new Date(at).toISOString() };
    const call: Call = { type: "track", event: "Consent Answered", properties };
    if (this.userId && (!given || this.token())) call.userId = this.userId;
    this.finish({ call, options: {}, context });
    if (given) this.outside.keep.write("told", (this.told = this.mark()));
  }

  /** Sees to it that the server hears this device's answer before anything else of it, once for each id and answer. */
  private proven(): void {
    this.told ||= this.outside.keep.read("told") || "";
    if (this.told !== this.mark()) this.prove();
  }

  private mark(): string {
    return `${this.anonymousId()} ${this.answered!.at}`;
  }

  // ── From a call to the queue ───────────────────────────────────────────────────────────────────────────────────────

  private seen(type: Kind, given: unknown[]): Promise<void> {
    const { words, things, then } = sort(given, 2);
    const [category, name] = words[1] ? words : ["", words[0] || ""];
    const here = type === "page" ? (this.outside.context().page as Properties | undefined) : {};
    const call: Call = { type, ...(category ? { category } : {}), ...(name ? { name } : {}), properties: { ...here, ...things[0] } };
    return this.take(call, things[1], then);
  }

  private take(call: Call, options: Options = {}, then?: () => void): Promise<void> {
    const { type } = call;
    const { context: more, ...rest } = options;
    const held: Held = { call: { ...call }, options: rest, context: { ...this.outside.context(), ...more } };
    if (call.userId === undefined && this.userId) held.call.userId = this.userId;
    this.emit(type, call.event ?? call.name ?? call.groupId ?? call.userId ?? this.userId, call.properties ?? call.traits, options);
    if (this.standing === "closed") this.emit("dropped", { reason: "consent", count: 1 });
    else if (this.standing === "asking") this.wait(held);
    else {
      this.proven();
      this.finish(held);
      if (this.outside.leaving()) void Promise.resolve().then(() => this.sender.leave());
      else this.sender.soon();
    }
    if (then) quietlySoon(then);
    return Promise.resolve();
  }

  private wait(held: Held): void {
    try {
      // A page may go on using its objects.
      this.waiting.push(JSON.parse(JSON.stringify(held)) as Held);
    } catch {
      this.emit("dropped", { reason: "unreadable", count: 1 });
    }
    if (this.waiting.length <= (this.settings.waitingAtMost ?? 100)) return;
    this.waiting.shift();
    this.emit("dropped", { reason: "ceiling", count: 1 });
  }

  private finish({ call, options, context }: Held): void {
    const now = (this.last = Math.max(this.outside.now(), this.last + 1));
    const id = options.messageId || timedId(now, this.outside.chance(16));
    try {
      const token = call.userId ? this.token() : undefined;
      const whole = { timezone: this.outside.timezone() || undefined, ...context };
      const timestamp = new Date(options.timestamp ?? now).toISOString();
      const text = JSON.stringify({
        ...call,
        messageId: id,
        anonymousId: options.anonymousId || this.anonymousId(),
        timestamp,
        context: token ? { ...whole, identity: { token } } : whole,
      });
      if (weigh(text) <= ITEM_BYTES) return this.queue.push(id, text);
      this.emit("dropped", { reason: "too_large", count: 1 });
    } catch {
      // A circle, a BigInt, a time that is none: the page goes on.
      this.emit("dropped", { reason: "unreadable", count: 1 });
    }
  }

  private anonymousId(): string | null {
    if (this.anonymous || this.standing === "asking") return this.anonymous;
    this.anonymous = this.outside.keep.read("id");
    if (!this.anonymous && this.standing === "open") this.setAnonymousId(blindId(this.outside.chance(16)));
    return this.anonymous;
  }

  private become(id: string | null): void {
    this.userId = id;
    if (this.standing !== "open") return;
    if (id) this.outside.keep.write("user", id);
    else this.outside.keep.remove("user");
  }

  private token(): string | undefined {
    const { identity } = this.settings;
    return typeof identity === "function" ? identity() : identity;
  }
}

function quietlySoon(then: () => void): void {
  void Promise.resolve().then(then);
}
