/** The browser as the core needs it. */

import type { Keep, Outside, Reply } from "../core/outside.js";

const PATIENCE = 30_000;
/** Names of parameters whose values are keys, addresses or people: they stay in the address bar. */
const SECRET = /token|key|pass|pwd|secret|sign|auth|code|session|mail|phone|user/i;
const UTM = /^utm_(source|medium|campaign|term|content)$/;

export interface Kept extends Keep {
  /** The name under which another tab changes one of ours. */
  prefix: string;
}

/** The first-party storage; where the browser refuses it, the page's own memory. */
export function storage(prefix: string): Kept {
  const memory = new Map<string, string>();
  let shelf: Storage | null = null;
  try {
    shelf = window.localStorage;
  } catch {
    // A sandboxed frame, or a visitor who blocks it.
  }
  return {
    prefix,
    read(name) {
      return memory.get(name) ?? shelf?.getItem(prefix + name) ?? null;
    },
    write(name, value) {
      try {
        if (!shelf) throw new Error("no storage");
        shelf.setItem(prefix + name, value);
        memory.delete(name);
        return true;
      } catch {
        memory.set(name, value);
        return false;
      }
    },
    remove(name) {
      memory.delete(name);
      shelf?.removeItem(prefix + name);
    },
    names() {
      const found = [...memory.keys()];
      for (let i = 0; shelf && i < shelf.length; i++) {
        const name = shelf.key(i);
        if (name?.startsWith(prefix)) found.push(name.slice(prefix.length));
      }
      return found;
    },
  };
}

export function outside(host: string, keep: Keep): Outside {
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
    timezone,
  };
}

let known: string | undefined;

/** The device's time zone. The first asking costs a page more than all the rest here, so it is asked once, and only to be told. */
function timezone(): string {
  return (known ??= Intl.DateTimeFormat().resolvedOptions().timeZone);
}

/** Plain text, without credentials: a request that no browser needs to ask about first. */
async function post(address: string, body: string, leaving: boolean): Promise<Reply> {
  const none: Reply = { status: 0, retryAfter: "", text: "" };
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
      signal: control.signal,
    });
    return { status: reply.status, retryAfter: reply.headers.get("Retry-After") || "", text: await reply.text() };
  } catch {
    // Above the browser's ceiling for pages that go, fetch refuses; so does it without a network.
    return none;
  } finally {
    clearTimeout(timer);
  }
}

function context(): Record<string, unknown> {
  const { pathname, origin, search } = location;
  const campaign: Record<string, string> = {};
  const kept = new URLSearchParams();
  new URLSearchParams(search).forEach((value, name) => {
    const utm = UTM.exec(name);
    if (utm) campaign[utm[1] === "campaign" ? "name" : utm[1]!] = value;
    if (!SECRET.test(name) && !value.includes("@")) kept.append(name, value);
  });
  const query = kept.toString() ? `?${kept}` : "";
  return {
    library: { name: "@oportuno/sdk", version: VERSION },
    locale: document.documentElement.lang || navigator.language,
    page: { path: pathname, url: origin + pathname + query, search: query, title: document.title, referrer: bare(document.referrer) },
    ...(Object.keys(campaign).length ? { campaign } : {}),
  };
}

/** An address without what follows its path: of another site, that is no business of ours. */
function bare(address: string): string {
  return address.split(/[?#]/)[0]!;
}

declare const VERSION: string;
