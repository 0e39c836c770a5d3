/** What this device was asked and what was answered: yes and no for its own purposes, with the words that were shown. */

import type { Keep } from "./outside.js";

/** What a device may be asked for. Writing to somebody is never among them: that takes more than a page. */
export const PURPOSES = ["personalisation", "measurement"] as const;
export type Purpose = (typeof PURPOSES)[number];
/** `on_site`, to be spoken to on the shop's pages, is there only where the page itself asked for it: the banner does not. */
export type Answers = Record<Purpose, boolean> & { on_site?: boolean };

/** An answer with what proves it. */
export interface Answered {
  answers: Answers;
  /** Which wording was shown, by its version. */
  notice: string;
  /** In which language it was shown. */
  language: string;
  /** When it was answered, in milliseconds since 1970. */
  at: number;
  /** Who asked: the banner, or the page itself. */
  method: string;
  /** The browser asked not to be profiled, and the visitor answered nevertheless. */
  despite?: boolean;
}

const NAME = "consent";
const MONTH = 30.44 * 864e5;

export function yesToAny(answered: Answered | null): boolean {
  return !!answered && [...PURPOSES, "on_site" as const].some((purpose) => answered.answers[purpose]);
}

/**
 * Makes whole answers of some: what was not answered is a no. Of `on_site` nothing is said where it was never asked; `known` is how it was
 * answered before, which stands when it is not asked anew, unless everything else is a no.
 */
export function whole(some: Partial<Answers>, known?: boolean): Answers {
  const personalisation = some.personalisation === true;
  const measurement = some.measurement === true;
  const on_site = some.on_site ?? (known && (personalisation || measurement));
  return { personalisation, measurement, ...(on_site === undefined ? {} : { on_site: on_site === true }) };
}

/** Reads the answer that is kept; null when there is none, it is older than so many months, or it cannot be read. */
export function recall(keep: Keep, now: number, months: number): Answered | null {
  try {
    const kept = JSON.parse(keep.read(NAME) || "null") as Answered | null;
    if (!kept || typeof kept.at !== "number" || typeof kept.answers !== "object" || now - kept.at > months * MONTH) return null;
    return { ...kept, answers: whole(kept.answers) };
  } catch {
    return null;
  }
}

/** Keeps an answer, the no as well: so that nobody is asked on every page. A no holds no id of anybody. */
export function retain(keep: Keep, answered: Answered): void {
  keep.write(NAME, JSON.stringify(answered));
}
