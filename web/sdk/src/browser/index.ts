/** The browser's shell around the core: what opens it, what closes it, and when it must hurry. */

import { Client, type Settings } from "../core/client.js";
import type { Answered, Answers } from "../core/consent.js";
import type { Product } from "../core/shop.js";
import type { Ask } from "../banner/asking.js";
import { Looks } from "./looks.js";
import { outside, storage, type Kept } from "./outside.js";
import { turns } from "./pages.js";

export type { Answered, Answers, Ask, Product };

export interface LoadOptions extends Omit<Settings, "writeKey" | "refused"> {
  /** Where the events go, for example `https://events.tiendanorte.example`; else where the script came from. */
  host?: string;
  /** Which page views are told by themselves: none, the one that loads, or also those a script turns to. */
  pages?: "off" | "load" | "history";
  /** How the visitor is asked: by the banner (`true`), by one of your own, or not at all because your page asks. */
  banner?: boolean | Ask;
  /** What a browser means that asks not to be profiled: a no, or a question all the same. */
  gpc?: "no" | "ask";
  /** How Spanish addresses the visitor. */
  voice?: "tu" | "usted";
  /** Your privacy notice, for whoever wants to read more. */
  policy?: string;
}

export interface Consent {
  /** Takes an answer that your own page asked for. What it does not name is a no. */
  answer(answers: Partial<Answers>, proof?: { notice?: string; language?: string }): void;
  answers(): Answered | null;
  /** Asks again, for instance from a link in the footer. */
  show(): void;
}

export class Analytics extends Client {
  readonly consent: Consent = {
    answer: (answers, proof) => this.answer(answers, proof),
    answers: () => this.answers(),
    show: () => void this.ask(true),
  };
  readonly looks: Looks;
  private undo: (() => void)[] = [];
  private hide: (() => void) | null = null;

  constructor(
    private readonly own: Settings,
    private readonly options: LoadOptions,
    private readonly host: string,
    private readonly keep: Kept,
  ) {
    super(outside(host, keep), own);
    this.looks = new Looks((event, properties) => this.track(event, properties));
  }

  /** Listens to the page, and asks when nobody answered. */
  begin(): this {
    const listen = (target: EventTarget, name: string, act: (event: Event) => void) => {
      target.addEventListener(name, act);
      this.undo.push(() => target.removeEventListener(name, act));
    };
    this.on("consent", () => {
      this.hide?.();
      this.heed();
    });
    this.start();
    this.heed();
    // The look that ends goes first, so that it leaves with the rest.
    listen(document, "visibilitychange", () => document.visibilityState === "hidden" && this.leave());
    listen(window, "pagehide", () => this.leave());
    listen(window, "online", () => this.again());
    listen(window, "storage", (event) => (event as StorageEvent).key === `${this.keep.prefix}consent` && this.overheard());
    listen(document, "click", (event) => this.clicked(event));
    if (this.options.pages === "history") this.undo.push(turns(() => this.turned()));
    listen(window, "pageshow", (event) => (event as PageTransitionEvent).persisted && this.returned());
    seen(() => {
      this.looks.scan();
      this.view();
      if (this.state() === "asking" && this.options.banner !== false) void this.ask(false);
    });
    return this;
  }

  /** Takes everything back that was done to the page. */
  stop(): void {
    this.looks.stop();
    this.hide?.();
    this.undo.splice(0).forEach((each) => each());
  }

  private heed(): void {
    // How long something is looked at belongs to remembering it, not to counting visits.
    if (this.answers()?.answers.personalisation) this.looks.start();
    else this.looks.stop();
  }

  private view(): void {
    if (this.options.pages && this.options.pages !== "off") void this.page();
  }

  private turned(): void {
    this.looks.scan();
    void this.page();
  }

  /** The browser shows the page again as it was left; meanwhile another page may have been answered. */
  private returned(): void {
    this.overheard();
    this.view();
  }

  private clicked(event: Event): void {
    const origin = event.target;
    if (!(origin instanceof Element) || !origin.closest("[data-oportuno-consent]")) return;
    event.preventDefault();
    this.consent.show();
  }

  /** Shows the question; `again` when the visitor wants to change an answer. */
  private async ask(again: boolean): Promise<void> {
    const { banner, policy, voice, months = 13 } = this.options;
    try {
      const ask = typeof banner === "function" ? banner : ((await import(bannerAt(this.host))) as { ask: Ask }).ask;
      if (this.hide || (!again && this.state() !== "asking")) return;
      const hide = ask({
        language: this.own.language || "en",
        months,
        again,
        refused: !!this.own.refused,
        answers: this.answers()?.answers ?? null,
        ...(voice ? { voice } : {}),
        ...(policy ? { policy } : {}),
        say: (answers, notice, language) => this.answer(answers, { notice, language, method: "banner" }),
        closed: () => (this.hide = null),
      });
      this.hide = () => {
        this.hide = null;
        hide();
      };
    } catch {
      // Without the question nothing opens: the shop works all the same.
      this.emit("dropped", { reason: "banner", count: 0 });
    }
  }
}

/** Does something when there is a page, and somebody sees it: browsers also build pages ahead that nobody may ever open. */
function seen(then: () => void): void {
  const page = document as Document & { prerendering?: boolean };
  if (page.prerendering) page.addEventListener("prerenderingchange", () => seen(then), { once: true });
  else if (page.readyState === "loading") page.addEventListener("DOMContentLoaded", then, { once: true });
  else then();
}

function bannerAt(host: string): string {
  return BANNER || `${host}/sdk/oportuno-banner.min.js`;
}

/** Where the script says its sister lies; empty: under the host. */
let BANNER = "";

export function bannerLiesAt(address: string): void {
  BANNER = address;
}

/** Starts with a workspace's write key. Nothing is stored or sent before the visitor says yes. */
export function load(writeKey: string, options: LoadOptions = {}): Analytics {
  const host = (options.host || location.origin).replace(/\/+$/, "");
  const { globalPrivacyControl } = navigator as { globalPrivacyControl?: boolean };
  const said = options.language || document.documentElement.lang || navigator.language || "en";
  const own: Settings = {
    ...options,
    writeKey,
    language: said.toLowerCase().startsWith("es") ? "es" : "en",
    refused: globalPrivacyControl === true && options.gpc !== "ask",
  };
  return new Analytics(own, options, host, storage(`oportuno.${writeKey}.`)).begin();
}
