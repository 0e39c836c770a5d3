/** The forms in which the calls of analytics.js may be written, and what remains of them. */

export type Properties = Record<string, unknown>;

export interface Options {
  timestamp?: string | number | Date;
  anonymousId?: string;
  messageId?: string;
  context?: Properties;
  [other: string]: unknown;
}

export type Kind = "track" | "identify" | "page" | "screen" | "group" | "alias";

/** A call as it was made; when and by which device is settled when it may be known. */
export interface Call {
  type: Kind;
  event?: string;
  category?: string;
  name?: string;
  properties?: Properties;
  traits?: Properties;
  groupId?: string;
  previousId?: string;
  userId?: string;
}

export interface Written {
  /** The leading texts; a left-out one is empty. */
  words: string[];
  /** The objects after them; a left-out one is empty. */
  things: Properties[];
  then: (() => void) | undefined;
}

/** Sorts the arguments of a call, of which at most so many leading ones are texts. */
export function sort(given: readonly unknown[], words: number): Written {
  const rest = given.slice();
  const last = rest[rest.length - 1];
  const then = typeof last === "function" ? (rest.pop() as () => void) : undefined;
  const said: string[] = [];
  while (said.length < words && rest.length && (rest[0] == null || typeof rest[0] !== "object")) {
    const word = rest.shift();
    said.push(typeof word === "string" || typeof word === "number" ? String(word) : "");
  }
  return { words: said, things: rest.map((each) => (typeof each === "object" && each ? (each as Properties) : {})), then };
}
