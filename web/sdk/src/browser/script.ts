/** The file for a script tag: takes over what the page called before it came, and starts. */

import { Analytics, bannerLiesAt, load, type LoadOptions } from "./index.js";
import { quietly } from "../core/emitter.js";

type Stub = unknown[] & { _load?: [string, LoadOptions?] } & Record<string, unknown>;

const tag = document.currentScript as HTMLScriptElement | null;
const set = tag?.dataset ?? {};
const name = set.global || "analytics";
const page = window as unknown as Record<string, unknown>;
const stub = (Array.isArray(page[name]) ? page[name] : []) as Stub;
/** Heard before the rest is said. */
const FIRST = /^(on|once|off|ready|setAnonymousId)$/;

function start(key: string, options: LoadOptions): Analytics {
  const origin = tag?.src ? new URL(tag.src, location.href) : null;
  if (origin) bannerLiesAt(new URL("oportuno-banner.min.js", origin).href);
  const analytics = load(key, { ...(origin ? { host: origin.origin } : {}), ...options });
  page[name] = analytics;
  const calls = stub.splice(0) as unknown[][];
  const say = ([path, ...given]: unknown[]) => quietly(() => void call(analytics, String(path), given));
  calls.filter(([path]) => FIRST.test(String(path))).forEach(say);
  calls.filter(([path]) => !FIRST.test(String(path))).forEach(say);
  // Who kept the stub goes on speaking to it.
  stub.push = (...later) => {
    (later as unknown[][]).forEach(say);
    return 0;
  };
  return analytics;
}

/** Calls a method by its path, such as `cart.added`. */
function call(owner: unknown, path: string, given: unknown[]): unknown {
  const steps = path.split(".");
  const last = steps.pop()!;
  const whose = steps.reduce<unknown>((each, step) => (each as Record<string, unknown>)[step], owner) as Record<string, unknown>;
  return (whose[last] as (...given: unknown[]) => unknown)(...given);
}

function declared(): LoadOptions {
  const options: LoadOptions = { pages: (set.pages as "off" | "load" | "history" | undefined) ?? "load" };
  for (const each of ["host", "language", "notice", "policy", "voice", "gpc"] as const) {
    const value = set[each];
    if (value) Object.assign(options, { [each]: value });
  }
  if (set.banner === "off") options.banner = false;
  if (Number(set.months)) options.months = Number(set.months);
  return options;
}

// A page that holds the line twice speaks once.
const already = typeof (page[name] as { overheard?: unknown } | undefined)?.overheard === "function";
if (!already && stub._load) start(stub._load[0], stub._load[1] ?? {});
else if (!already && set.writeKey) start(set.writeKey, declared());
else if (!already) page[name] = Object.assign(stub, { load: (key: string, options: LoadOptions = {}) => start(key, options) });
