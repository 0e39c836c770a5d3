/* Oportuno 0.1.0, Apache-2.0. Stores and sends nothing before the visitor says yes. */
"use strict";
(() => {
  // src/core/calls.ts
  function sort(given, words) {
    const rest = given.slice();
    const last = rest[rest.length - 1];
    const then = typeof last === "function" ? rest.pop() : void 0;
    const said = [];
    while (said.length < words && rest.length && (rest[0] == null || typeof rest[0] !== "object")) {
      const word = rest.shift();
      said.push(typeof word === "string" || typeof word === "number" ? String(word) : "");
    }
    return { words: said, things: rest.map((each) => typeof each === "object" && each ? each : {}), then };
  }

  // src/core/consent.ts
  var PURPOSES = ["personalisation", "measurement"];
  var NAME = "consent";
  var MONTH = 30.44 * 864e5;
  function yesToAny(answered) {
    return !!answered && [...PURPOSES, "on_site"].some((purpose) => answered.answers[purpose]);
  }
  function whole(some, known2) {
    const personalisation = some.personalisation === true;
    const measurement = some.measurement === true;
    const on_site = some.on_site ?? (known2 && (personalisation || measurement));
    return { personalisation, measurement, ...on_site === void 0 ? {} : { on_site: on_site === true } };
  }
  function recall(keep, now, months) {
    try {
      const kept = JSON.parse(keep.read(NAME) || "null");
      if (!kept || typeof kept.at !== "number" || typeof kept.answers !== "object" || now - kept.at > months * MONTH) return null;
      return { ...kept, answers: whole(kept.answers) };
    } catch {
      return null;
    }
  }
  function retain(keep, answered) {
    keep.write(NAME, JSON.stringify(answered));
  }

  // src/core/emitter.ts
  var Emitter = class {
    constructor() {
      this.heard = {};
    }
    on(name2, listener) {
      var _a;
      ((_a = this.heard)[name2] || (_a[name2] = [])).push(listener);
      return this;
    }
    once(name2, listener) {
      const first = (...told) => {
        this.off(name2, first);
        listener(...told);
      };
      return this.on(name2, first);
    }
    /** Forgets one listener, or all of a name. */
    off(name2, listener) {
      this.heard[name2] = listener ? (this.heard[name2] || []).filter((each) => each !== listener) : [];
      return this;
    }
    emit(name2, ...told) {
      for (const each of (this.heard[name2] || []).slice()) quietly(() => each(...told));
      return this;
    }
  };
  function quietly(act) {
    try {
      act();
    } catch (fault) {
      const { console } = globalThis;
      console?.error("oportuno:", fault);
    }
  }

  // src/core/ids.ts
  var HEX = Array.from({ length: 256 }, (_, i) => (i + 256).toString(16).slice(1));
  function write(bytes, version) {
    bytes[6] = bytes[6] & 15 | version << 4;
    bytes[8] = bytes[8] & 63 | 128;
    const hex = Array.from(bytes, (byte) => HEX[byte]).join("");
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
  }
  function blindId(chance) {
    return write(chance, 4);
  }
  function timedId(now, chance) {
    for (let i = 5, rest = now; i >= 0; i--) {
      chance[i] = rest % 256;
      rest = Math.floor(rest / 256);
    }
    return write(chance, 7);
  }
  function timeOf(id) {
    return id[14] === "7" ? parseInt(id.slice(0, 8) + id.slice(9, 13), 16) : NaN;
  }
  function weigh(text) {
    let bytes = text.length;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      bytes += code < 128 ? 0 : code < 2048 || code >= 55296 && code < 57344 ? 1 : 2;
    }
    return bytes;
  }

  // src/core/queue.ts
  var PREFIX = "q.";
  var DAYS_AT_MOST = 21;
  var Queue = class {
    /** `lost` hears how many of the oldest went because there were more than `most` calls, or `heaviest` bytes. */
    constructor(keep, most, heaviest, lost) {
      this.keep = keep;
      this.most = most;
      this.heaviest = heaviest;
      this.lost = lost;
      this.calls = [];
      this.bytes = 0;
    }
    get length() {
      return this.calls.length;
    }
    push(id, text) {
      this.hold(id, text, this.keep.write(PREFIX + id, text));
      this.trim();
    }
    /** Takes over what earlier pages left behind. */
    adopt(now) {
      const known2 = new Set(this.calls.map((each) => each.id));
      const left = this.keep.names().filter((name2) => name2.startsWith(PREFIX) && !known2.has(name2.slice(PREFIX.length)));
      for (const name2 of left.sort()) {
        const text = this.keep.read(name2);
        const id = name2.slice(PREFIX.length);
        const age = now - timeOf(id);
        if (text && !(age > DAYS_AT_MOST * 864e5)) this.hold(id, text, true);
        else this.keep.remove(name2);
      }
      this.trim();
    }
    /** The oldest calls, at most so many and so heavy; always one when there is one. They stay until they are done. */
    first(most, heaviest, from = 0) {
      if (!from) this.done(this.calls.filter((each) => each.kept && this.keep.read(PREFIX + each.id) === null));
      const taken = [];
      let bytes = 0;
      for (const each of this.calls.slice(from, from + most)) {
        bytes += each.bytes + 1;
        if (taken.length && bytes > heaviest) break;
        taken.push(each);
      }
      return taken;
    }
    /** Forgets calls that need not be sent again. */
    done(calls) {
      if (!calls.length) return;
      const gone = new Set(calls.map((each) => each.id));
      for (const each of calls) this.keep.remove(PREFIX + each.id);
      this.calls = this.calls.filter((each) => !gone.has(each.id));
      this.bytes = this.calls.reduce((sum, each) => sum + each.bytes, 0);
    }
    /** Forgets what this page holds. */
    drop() {
      this.done(this.calls);
    }
    /** Forgets everything, also what other pages left behind. */
    clear() {
      this.drop();
      for (const name2 of this.keep.names()) if (name2.startsWith(PREFIX)) this.keep.remove(name2);
    }
    hold(id, text, kept) {
      const bytes = weigh(text);
      this.calls.push({ id, text, bytes, kept });
      this.bytes += bytes;
    }
    trim() {
      let over = 0;
      let bytes = this.bytes;
      while (over < this.calls.length && (this.calls.length - over > this.most || bytes > this.heaviest)) bytes -= this.calls[over++].bytes;
      if (!over) return;
      this.done(this.calls.slice(0, over));
      this.lost(over);
    }
  };

  // src/core/sender.ts
  var BATCH = 100;
  var BATCH_BYTES = 4e5;
  var LEAVING_BYTES = 3e4;
  var LEAVING_BATCHES = 4;
  var REFUSALS = 3;
  var SECOND = 1e3;
  var LONGEST = 60 * SECOND;
  var LONGEST_ASKED = 3600 * SECOND;
  var Sender = class {
    constructor(outside2, queue, key, pace, tell) {
      this.outside = outside2;
      this.queue = queue;
      this.key = key;
      this.pace = pace;
      this.tell = tell;
      this.busy = false;
      /** Calls off the planned attempt; null when there is none. */
      this.planned = null;
      /** Whether the planned attempt waits because one failed. */
      this.held = false;
      /** The moment before which the server wants to hear nothing. */
      this.until = 0;
      this.failures = 0;
      this.refusals = 0;
      /** Calls of a batch: fewer, for as long as the page lives, once somebody on the way found a batch too large. */
      this.most = BATCH;
    }
    /** Sends soon: what happens together leaves together. */
    soon() {
      if (!this.planned && !this.busy) this.plan(this.pace, false);
    }
    /** Sends at once, unless a failed attempt asked to wait. */
    flush() {
      if (!this.held) this.send();
    }
    /** Sends at once although an attempt failed before: the network came back. */
    again() {
      this.failures = 0;
      this.send();
    }
    /** The page may be gone in a moment: as much as browsers take along. What is not acknowledged stays for the next page. */
    leave() {
      if (this.early() || !this.outside.online()) return;
      for (let from = 0, batches = 0; from < this.queue.length && batches < LEAVING_BATCHES; batches++) {
        const calls = this.queue.first(this.most, LEAVING_BYTES, from);
        if (!calls.length) return;
        from += calls.length;
        void this.outside.post(this.body(calls), true).then((reply) => {
          if (reply.status >= 200 && reply.status < 300) this.queue.done(calls);
          else this.soon();
        });
      }
    }
    /** Calls off what is planned. */
    stop() {
      this.planned?.();
      this.planned = null;
      this.held = false;
    }
    early() {
      return this.outside.now() < this.until;
    }
    plan(ms, held) {
      this.stop();
      this.held = held;
      this.planned = this.outside.later(ms, () => {
        this.planned = null;
        this.send();
      });
    }
    send() {
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
    body(calls) {
      const sentAt = new Date(this.outside.now()).toISOString();
      return `{"writeKey":${JSON.stringify(this.key)},"sentAt":"${sentAt}","batch":[${calls.map((each) => each.text).join()}]}`;
    }
    hear(reply, calls) {
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
    acknowledged(reply, calls) {
      this.tell("sent", { count: calls.length });
      if (!reply.text.includes('"rejects"')) return;
      try {
        this.tell("rejected", JSON.parse(reply.text));
      } catch {
      }
    }
    drop(calls, status) {
      this.refusals = 0;
      this.queue.done(calls);
      this.tell("dropped", { reason: "refused", count: calls.length, status });
      this.send();
    }
    /** Milliseconds to wait: what the server asks for, else twice as long each time, and never all pages at one moment. */
    patience(reply) {
      const asked = reply.retryAfter.trim();
      const chance = this.outside.chance(2);
      const spread = (chance[0] * 256 + chance[1]) / 65536;
      const seconds = /^\d+$/.test(asked) ? Number(asked) : (Date.parse(asked) - this.outside.now()) / SECOND;
      if (seconds >= 0) {
        const wait = Math.min(seconds * SECOND, LONGEST_ASKED);
        this.until = this.outside.now() + wait;
        return Math.ceil(wait + spread * SECOND) + 1;
      }
      const most = Math.min(LONGEST, SECOND * 2 ** Math.min(this.failures++, 10));
      return most / 2 + spread * most / 2;
    }
  };

  // src/core/shop.ts
  var one = (product) => {
    if (typeof product !== "object") return { product_id: String(product) };
    const { id, ...rest } = product;
    return id !== void 0 && rest.product_id === void 0 ? { product_id: id, ...rest } : { ...rest, ...id === void 0 ? {} : { id } };
  };
  function hooks(say) {
    const about = (event) => (product, more = {}) => say(event, { ...one(product), ...more });
    const whole2 = (event) => (products, more = {}) => say(event, { products: products.map(one), ...more });
    const plain = (event) => (properties) => say(event, properties);
    return {
      cart: { added: about("Product Added"), removed: about("Product Removed"), viewed: whole2("Cart Viewed") },
      product: { viewed: about("Product Viewed"), clicked: about("Product Clicked"), shared: about("Product Shared") },
      list: { viewed: plain("Product List Viewed"), filtered: plain("Product List Filtered"), searched: plain("Products Searched") },
      wishlist: { added: about("Product Added to Wishlist"), removed: about("Product Removed from Wishlist") },
      stock: { asked: about("Back In Stock Requested"), cancelled: about("Back In Stock Request Cancelled") },
      order: { started: whole2("Checkout Started"), completed: whole2("Order Completed") }
    };
  }

  // src/core/client.ts
  var ITEM_BYTES = 32e3;
  var Client = class extends Emitter {
    constructor(outside2, settings) {
      super();
      this.outside = outside2;
      this.settings = settings;
      this.answered = null;
      this.standing = "asking";
      this.waiting = [];
      this.anonymous = null;
      this.userId = null;
      this.traits = {};
      /** The id and the answer that were told to the server last. */
      this.told = "";
      this.last = 0;
      this.shop = hooks((event, properties) => this.take({ type: "track", event, properties }, {}));
      this.cart = this.shop.cart;
      this.product = this.shop.product;
      this.list = this.shop.list;
      this.wishlist = this.shop.wishlist;
      this.stock = this.shop.stock;
      this.order = this.shop.order;
      const lost = (count) => this.emit("dropped", { reason: "ceiling", count });
      this.queue = new Queue(outside2.keep, settings.queuedAtMost ?? 1e3, settings.queuedBytesAtMost ?? 1e6, lost);
      this.sender = new Sender(outside2, this.queue, settings.writeKey, settings.pace ?? 400, (name2, fact) => this.emit(name2, fact));
    }
    /** Begins: with the answer that is kept, or with none. */
    start() {
      const kept = recall(this.outside.keep, this.outside.now(), this.settings.months ?? 13);
      if (this.settings.refused && !kept?.despite) {
        if (yesToAny(kept)) this.recant(kept);
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
    track(...given) {
      const { words, things, then } = sort(given, 1);
      return this.take({ type: "track", event: words[0] || "", properties: things[0] || {} }, things[1], then);
    }
    page(...given) {
      return this.seen("page", given);
    }
    screen(...given) {
      return this.seen("screen", given);
    }
    identify(...given) {
      const { words, things, then } = sort(given, 1);
      const id = words[0] || this.userId;
      if (id !== this.userId) this.traits = {};
      this.become(id);
      Object.assign(this.traits, things[0]);
      return this.take({ type: "identify", traits: { ...this.traits } }, things[1], then);
    }
    group(...given) {
      const { words, things, then } = sort(given, 1);
      return this.take({ type: "group", groupId: words[0] || "", traits: things[0] || {} }, things[1], then);
    }
    alias(...given) {
      const { words, things, then } = sort(given, 2);
      const previousId = words[1] || this.userId || this.anonymousId() || "";
      return this.take({ type: "alias", userId: words[0] || "", previousId }, things[0], then);
    }
    /** Forgets who is logged in, and the device's id: the next visitor of a shared device is somebody else. The answers stay. */
    reset() {
      this.become(null);
      this.traits = {};
      this.anonymous = null;
      this.told = "";
      for (const name2 of ["id", "told"]) this.outside.keep.remove(name2);
      this.emit("reset");
    }
    ready(then) {
      quietlySoon(then);
      return this;
    }
    user() {
      return {
        id: () => this.userId,
        /** Null until there is a yes: an id is made with it. */
        anonymousId: (id) => id ? this.setAnonymousId(id) : this.anonymousId(),
        traits: () => ({ ...this.traits })
      };
    }
    setAnonymousId(id) {
      this.anonymous = id;
      if (this.standing === "open") this.outside.keep.write("id", id);
      return id;
    }
    /** Sends what waits for the network now. */
    flush() {
      this.sender.flush();
    }
    /** The page may be gone in a moment. */
    leave() {
      this.sender.leave();
    }
    /** The network came back. */
    again() {
      this.sender.again();
    }
    // ── The answers ────────────────────────────────────────────────────────────────────────────────────────────────────
    state() {
      return this.standing;
    }
    answers() {
      return this.answered;
    }
    /** Takes an answer: what it does not name is a no. `proof` says which words were shown. */
    answer(some, proof = {}) {
      const before = this.answered;
      const answered = {
        answers: whole(some, before?.answers.on_site),
        notice: proof.notice || this.settings.notice || "",
        language: proof.language || this.settings.language || "",
        at: this.outside.now(),
        method: proof.method || "page",
        ...this.settings.refused ? { despite: true } : {}
      };
      if (!yesToAny(answered) && yesToAny(before)) this.withdraw(answered);
      retain(this.outside.keep, answered);
      this.told = "";
      this.settle(answered);
    }
    /** Another tab of this shop was answered. */
    overheard() {
      const kept = recall(this.outside.keep, this.outside.now(), this.settings.months ?? 13);
      if (!kept || kept.at === this.answered?.at) return;
      if (!yesToAny(kept)) this.queue.drop();
      this.told = this.outside.keep.read("told") || this.told;
      this.settle(kept);
    }
    /** Takes back a yes that is kept because the browser says no now. Of that no nothing is kept: it is told anew on every page. */
    recant(kept) {
      const { keep } = this.outside;
      this.standing = "open";
      this.anonymous = keep.read("id");
      this.userId = keep.read("user");
      if (this.anonymous) this.withdraw({ ...kept, answers: whole({}, kept.answers.on_site), at: this.outside.now(), method: "gpc" });
      this.answered = null;
      keep.remove("consent");
      this.close();
    }
    settle(answered) {
      this.answered = answered;
      if (!yesToAny(answered)) this.close();
      else this.open();
      this.emit("consent", { ...answered.answers }, answered);
    }
    open() {
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
    withdraw(answered) {
      this.queue.clear();
      this.answered = answered;
      this.prove();
      this.anonymous = this.userId = null;
      this.traits = {};
    }
    close() {
      const waited = this.waiting.length;
      this.standing = "closed";
      this.waiting = [];
      this.anonymous = null;
      this.sweep();
      if (waited) this.emit("dropped", { reason: "consent", count: waited });
      this.queue.adopt(this.outside.now());
      if (this.queue.length) this.sender.soon();
    }
    /** Removes what says who somebody is. */
    sweep() {
      for (const name2 of ["id", "user", "told"]) this.outside.keep.remove(name2);
    }
    /** Queues the answer with its proof. Nobody vouches for a user here, so a yes is the device's; a no is its user's as well. */
    prove() {
      const { answers, notice, language, at, method } = this.answered;
      const given = yesToAny(this.answered);
      const context2 = { ...this.outside.context(), consent: { categoryPreferences: answers, notice }, ...language ? { locale: language } : {} };
      const properties = { ...answers, method, answered_at: new Date(at).toISOString() };
      const call2 = { type: "track", event: "Consent Answered", properties };
      if (this.userId && (!given || this.token())) call2.userId = this.userId;
      this.finish({ call: call2, options: {}, context: context2 });
      if (given) this.outside.keep.write("told", this.told = this.mark());
    }
    /** Sees to it that the server hears this device's answer before anything else of it, once for each id and answer. */
    proven() {
      this.told || (this.told = this.outside.keep.read("told") || "");
      if (this.told !== this.mark()) this.prove();
    }
    mark() {
      return `${this.anonymousId()} ${this.answered.at}`;
    }
    // ── From a call to the queue ───────────────────────────────────────────────────────────────────────────────────────
    seen(type, given) {
      const { words, things, then } = sort(given, 2);
      const [category, name2] = words[1] ? words : ["", words[0] || ""];
      const here = type === "page" ? this.outside.context().page : {};
      const call2 = { type, ...category ? { category } : {}, ...name2 ? { name: name2 } : {}, properties: { ...here, ...things[0] } };
      return this.take(call2, things[1], then);
    }
    take(call2, options = {}, then) {
      const { type } = call2;
      const { context: more, ...rest } = options;
      const held = { call: { ...call2 }, options: rest, context: { ...this.outside.context(), ...more } };
      if (call2.userId === void 0 && this.userId) held.call.userId = this.userId;
      this.emit(type, call2.event ?? call2.name ?? call2.groupId ?? call2.userId ?? this.userId, call2.properties ?? call2.traits, options);
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
    wait(held) {
      try {
        this.waiting.push(JSON.parse(JSON.stringify(held)));
      } catch {
        this.emit("dropped", { reason: "unreadable", count: 1 });
      }
      if (this.waiting.length <= (this.settings.waitingAtMost ?? 100)) return;
      this.waiting.shift();
      this.emit("dropped", { reason: "ceiling", count: 1 });
    }
    finish({ call: call2, options, context: context2 }) {
      const now = this.last = Math.max(this.outside.now(), this.last + 1);
      const id = options.messageId || timedId(now, this.outside.chance(16));
      try {
        const token = call2.userId ? this.token() : void 0;
        const whole2 = { timezone: this.outside.timezone() || void 0, ...context2 };
        const timestamp = new Date(options.timestamp ?? now).toISOString();
        const text = JSON.stringify({
          ...call2,
          messageId: id,
          anonymousId: options.anonymousId || this.anonymousId(),
          timestamp,
          context: token ? { ...whole2, identity: { token } } : whole2
        });
        if (weigh(text) <= ITEM_BYTES) return this.queue.push(id, text);
        this.emit("dropped", { reason: "too_large", count: 1 });
      } catch {
        this.emit("dropped", { reason: "unreadable", count: 1 });
      }
    }
    anonymousId() {
      if (this.anonymous || this.standing === "asking") return this.anonymous;
      this.anonymous = this.outside.keep.read("id");
      if (!this.anonymous && this.standing === "open") this.setAnonymousId(blindId(this.outside.chance(16)));
      return this.anonymous;
    }
    become(id) {
      this.userId = id;
      if (this.standing !== "open") return;
      if (id) this.outside.keep.write("user", id);
      else this.outside.keep.remove("user");
    }
    token() {
      const { identity } = this.settings;
      return typeof identity === "function" ? identity() : identity;
    }
  };
  function quietlySoon(then) {
    void Promise.resolve().then(then);
  }

  // src/browser/looks.ts
  var LONGEST2 = 9e4;
  var SHORTEST = 1e3;
  var ANOTHER = 3e4;
  var STEPS = Array.from({ length: 21 }, (_, i) => i / 20);
  var ATTRIBUTE = "data-oportuno-product";
  var Looks = class {
    constructor(say) {
      this.say = say;
      this.looks = /* @__PURE__ */ new Map();
      this.running = false;
      this.turned = () => {
        for (const look of this.looks.values()) {
          if (document.visibilityState !== "hidden") this.resume(look);
          else {
            this.pause(look);
            this.tell(look);
          }
        }
      };
      const see = (entries) => entries.forEach((entry) => this.see(entry));
      this.eye = "IntersectionObserver" in window ? new IntersectionObserver(see, { threshold: STEPS }) : null;
    }
    /** Begins to count; before it, nothing is looked at. */
    start() {
      if (this.running) return;
      this.running = true;
      document.addEventListener("visibilitychange", this.turned);
      this.scan();
      for (const [element] of this.looks) this.eye?.observe(element);
    }
    /** Stops counting, and forgets what was counted. */
    stop() {
      this.running = false;
      document.removeEventListener("visibilitychange", this.turned);
      this.eye?.disconnect();
      for (const look of this.looks.values()) {
        clearTimeout(look.timer);
        Object.assign(look, { ms: 0, said: 0, since: -1, inside: false });
      }
    }
    /** Counts the seconds for which an element is in sight as a look at a product. */
    watch(element, product) {
      this.end(element);
      this.looks.set(element, { product, ms: 0, said: 0, since: -1, inside: false, timer: void 0 });
      if (this.running) this.eye?.observe(element);
    }
    /** The look is over: the product went away. */
    end(element) {
      const look = this.looks.get(element);
      if (!look) return;
      this.eye?.unobserve(element);
      this.pause(look);
      this.tell(look);
      this.looks.delete(element);
    }
    /** Watches what the page marks, and ends the looks at what it no longer shows. */
    scan() {
      if (!this.running) return;
      for (const element of [...this.looks.keys()]) if (!element.isConnected) this.end(element);
      document.querySelectorAll(`[${ATTRIBUTE}]`).forEach((element) => {
        const product = read(element.getAttribute(ATTRIBUTE) || "");
        if (product && !this.looks.has(element)) this.watch(element, product);
      });
    }
    see({ target, isIntersecting, intersectionRatio, intersectionRect, rootBounds }) {
      const look = this.looks.get(target);
      if (!look) return;
      const half = intersectionRatio >= 0.5 || intersectionRect.height >= (rootBounds?.height ?? innerHeight) / 2;
      look.inside = isIntersecting && half;
      if (look.inside) this.resume(look);
      else if (target.isConnected) this.pause(look);
      else this.end(target);
    }
    resume(look) {
      if (!look.inside || look.since >= 0 || look.ms >= LONGEST2 || document.visibilityState === "hidden") return;
      look.since = performance.now();
      look.timer = setTimeout(() => {
        this.pause(look);
        this.tell(look);
      }, LONGEST2 - look.ms);
    }
    pause(look) {
      if (look.since < 0) return;
      clearTimeout(look.timer);
      look.ms = Math.min(LONGEST2, look.ms + performance.now() - look.since);
      look.since = -1;
    }
    tell(look) {
      if (!this.running || look.ms - look.said < (look.said ? ANOTHER : SHORTEST)) return;
      const seconds = Math.round((look.ms - look.said) / 1e3);
      look.said = look.ms;
      this.say("Product Viewed", { ...look.product, visible_seconds: seconds });
    }
  };
  function read(mark) {
    if (!mark.trim().startsWith("{")) return mark.trim() ? { product_id: mark.trim() } : null;
    try {
      return JSON.parse(mark);
    } catch {
      return null;
    }
  }

  // src/browser/outside.ts
  var PATIENCE = 3e4;
  var SECRET = /token|key|pass|pwd|secret|sign|auth|code|session|mail|phone|user/i;
  var UTM = /^utm_(source|medium|campaign|term|content)$/;
  function storage(prefix) {
    const memory = /* @__PURE__ */ new Map();
    let shelf = null;
    try {
      shelf = window.localStorage;
    } catch {
    }
    return {
      prefix,
      read(name2) {
        return memory.get(name2) ?? shelf?.getItem(prefix + name2) ?? null;
      },
      write(name2, value) {
        try {
          if (!shelf) throw new Error("no storage");
          shelf.setItem(prefix + name2, value);
          memory.delete(name2);
          return true;
        } catch {
          memory.set(name2, value);
          return false;
        }
      },
      remove(name2) {
        memory.delete(name2);
        shelf?.removeItem(prefix + name2);
      },
      names() {
        const found = [...memory.keys()];
        for (let i = 0; shelf && i < shelf.length; i++) {
          const name2 = shelf.key(i);
          if (name2?.startsWith(prefix)) found.push(name2.slice(prefix.length));
        }
        return found;
      }
    };
  }
  function outside(host, keep) {
    const address = `${host}/v1/batch`;
    return {
      keep,
      now: () => Date.now(),
      chance: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
      later(ms, then) {
        const timer = setTimeout(then, ms);
        return () => clearTimeout(timer);
      },
      post: (body, leaving) => post(address, body, leaving),
      online: () => navigator.onLine !== false,
      leaving: () => document.visibilityState === "hidden",
      context,
      timezone
    };
  }
  var known;
  function timezone() {
    return known ?? (known = Intl.DateTimeFormat().resolvedOptions().timeZone);
  }
  async function post(address, body, leaving) {
    const none = { status: 0, retryAfter: "", text: "" };
    const keepalive = leaving && "keepalive" in Request.prototype;
    if (leaving && !keepalive) {
      navigator.sendBeacon(address, body);
      return none;
    }
    const control = new AbortController();
    const timer = setTimeout(() => control.abort(), PATIENCE);
    try {
      const reply = await fetch(address, {
        method: "POST",
        body,
        keepalive,
        credentials: "omit",
        referrerPolicy: "origin",
        cache: "no-store",
        signal: control.signal
      });
      return { status: reply.status, retryAfter: reply.headers.get("Retry-After") || "", text: await reply.text() };
    } catch {
      return none;
    } finally {
      clearTimeout(timer);
    }
  }
  function context() {
    const { pathname, origin, search } = location;
    const campaign = {};
    const kept = new URLSearchParams();
    new URLSearchParams(search).forEach((value, name2) => {
      const utm = UTM.exec(name2);
      if (utm) campaign[utm[1] === "campaign" ? "name" : utm[1]] = value;
      if (!SECRET.test(name2) && !value.includes("@")) kept.append(name2, value);
    });
    const query = kept.toString() ? `?${kept}` : "";
    return {
      library: { name: "@oportuno/sdk", version: "0.1.0" },
      locale: document.documentElement.lang || navigator.language,
      page: { path: pathname, url: origin + pathname + query, search: query, title: document.title, referrer: bare(document.referrer) },
      ...Object.keys(campaign).length ? { campaign } : {}
    };
  }
  function bare(address) {
    return address.split(/[?#]/)[0];
  }

  // src/browser/pages.ts
  function turns(turned) {
    let address = location.pathname + location.search;
    const look = () => {
      setTimeout(() => {
        const now = location.pathname + location.search;
        if (now === address) return;
        address = now;
        turned();
      });
    };
    const own = { pushState: history.pushState, replaceState: history.replaceState };
    for (const name2 of ["pushState", "replaceState"]) {
      history[name2] = function(...what) {
        own[name2].apply(this, what);
        look();
      };
    }
    addEventListener("popstate", look);
    return () => {
      removeEventListener("popstate", look);
      Object.assign(history, own);
    };
  }

  // src/browser/index.ts
  var Analytics = class extends Client {
    constructor(own, options, host, keep) {
      super(outside(host, keep), own);
      this.own = own;
      this.options = options;
      this.host = host;
      this.keep = keep;
      this.consent = {
        answer: (answers, proof) => this.answer(answers, proof),
        answers: () => this.answers(),
        show: () => void this.ask(true)
      };
      this.undo = [];
      this.hide = null;
      this.looks = new Looks((event, properties) => this.track(event, properties));
    }
    /** Listens to the page, and asks when nobody answered. */
    begin() {
      const listen = (target, name2, act) => {
        target.addEventListener(name2, act);
        this.undo.push(() => target.removeEventListener(name2, act));
      };
      this.on("consent", () => {
        this.hide?.();
        this.heed();
      });
      this.start();
      this.heed();
      listen(document, "visibilitychange", () => document.visibilityState === "hidden" && this.leave());
      listen(window, "pagehide", () => this.leave());
      listen(window, "online", () => this.again());
      listen(window, "storage", (event) => event.key === `${this.keep.prefix}consent` && this.overheard());
      listen(document, "click", (event) => this.clicked(event));
      if (this.options.pages === "history") this.undo.push(turns(() => this.turned()));
      listen(window, "pageshow", (event) => event.persisted && this.returned());
      seen(() => {
        this.looks.scan();
        this.view();
        if (this.state() === "asking" && this.options.banner !== false) void this.ask(false);
      });
      return this;
    }
    /** Takes everything back that was done to the page. */
    stop() {
      this.looks.stop();
      this.hide?.();
      this.undo.splice(0).forEach((each) => each());
    }
    heed() {
      if (this.answers()?.answers.personalisation) this.looks.start();
      else this.looks.stop();
    }
    view() {
      if (this.options.pages && this.options.pages !== "off") void this.page();
    }
    turned() {
      this.looks.scan();
      void this.page();
    }
    /** The browser shows the page again as it was left; meanwhile another page may have been answered. */
    returned() {
      this.overheard();
      this.view();
    }
    clicked(event) {
      const origin = event.target;
      if (!(origin instanceof Element) || !origin.closest("[data-oportuno-consent]")) return;
      event.preventDefault();
      this.consent.show();
    }
    /** Shows the question; `again` when the visitor wants to change an answer. */
    async ask(again) {
      const { banner, policy, voice, months = 13 } = this.options;
      try {
        const ask = typeof banner === "function" ? banner : (await import(bannerAt(this.host))).ask;
        if (this.hide || !again && this.state() !== "asking") return;
        const hide = ask({
          language: this.own.language || "en",
          months,
          again,
          refused: !!this.own.refused,
          answers: this.answers()?.answers ?? null,
          ...voice ? { voice } : {},
          ...policy ? { policy } : {},
          say: (answers, notice, language) => this.answer(answers, { notice, language, method: "banner" }),
          closed: () => this.hide = null
        });
        this.hide = () => {
          this.hide = null;
          hide();
        };
      } catch {
        this.emit("dropped", { reason: "banner", count: 0 });
      }
    }
  };
  function seen(then) {
    const page2 = document;
    if (page2.prerendering) page2.addEventListener("prerenderingchange", () => seen(then), { once: true });
    else if (page2.readyState === "loading") page2.addEventListener("DOMContentLoaded", then, { once: true });
    else then();
  }
  function bannerAt(host) {
    return BANNER || `${host}/sdk/oportuno-banner.min.js`;
  }
  var BANNER = "";
  function bannerLiesAt(address) {
    BANNER = address;
  }
  function load(writeKey, options = {}) {
    const host = (options.host || location.origin).replace(/\/+$/, "");
    const { globalPrivacyControl } = navigator;
    const said = options.language || document.documentElement.lang || navigator.language || "en";
    const own = {
      ...options,
      writeKey,
      language: said.toLowerCase().startsWith("es") ? "es" : "en",
      refused: globalPrivacyControl === true && options.gpc !== "ask"
    };
    return new Analytics(own, options, host, storage(`oportuno.${writeKey}.`)).begin();
  }

  // src/browser/script.ts
  var tag = document.currentScript;
  var set = tag?.dataset ?? {};
  var name = set.global || "analytics";
  var page = window;
  var stub = Array.isArray(page[name]) ? page[name] : [];
  var FIRST = /^(on|once|off|ready|setAnonymousId)$/;
  function start(key, options) {
    const origin = tag?.src ? new URL(tag.src, location.href) : null;
    if (origin) bannerLiesAt(new URL("oportuno-banner.min.js", origin).href);
    const analytics = load(key, { ...origin ? { host: origin.origin } : {}, ...options });
    page[name] = analytics;
    const calls = stub.splice(0);
    const say = ([path, ...given]) => quietly(() => void call(analytics, String(path), given));
    calls.filter(([path]) => FIRST.test(String(path))).forEach(say);
    calls.filter(([path]) => !FIRST.test(String(path))).forEach(say);
    stub.push = (...later) => {
      later.forEach(say);
      return 0;
    };
    return analytics;
  }
  function call(owner, path, given) {
    const steps = path.split(".");
    const last = steps.pop();
    const whose = steps.reduce((each, step) => each[step], owner);
    return whose[last](...given);
  }
  function declared() {
    const options = { pages: set.pages ?? "load" };
    for (const each of ["host", "language", "notice", "policy", "voice", "gpc"]) {
      const value = set[each];
      if (value) Object.assign(options, { [each]: value });
    }
    if (set.banner === "off") options.banner = false;
    if (Number(set.months)) options.months = Number(set.months);
    return options;
  }
  var already = typeof page[name]?.overheard === "function";
  if (!already && stub._load) start(stub._load[0], stub._load[1] ?? {});
  else if (!already && set.writeKey) start(set.writeKey, declared());
  else if (!already) page[name] = Object.assign(stub, { load: (key, options = {}) => start(key, options) });
})();
