/** What a question is asked with. A page may bring a form of its own that fits. */

import type { Answers } from "../core/consent.js";

export interface Asking {
  language: string;
  voice?: "tu" | "usted";
  /** How long what is looked at is kept. */
  months: number;
  /** The shop's privacy notice. */
  policy?: string;
  /** The visitor came back to change an answer. */
  again: boolean;
  /** The browser asks not to be profiled. */
  refused: boolean;
  /** What was answered before; null: nothing. */
  answers: Answers | null;
  /** Takes the answer with the version of the words that were shown and their language. */
  say(answers: Partial<Answers>, notice: string, language: string): void;
  /** The visitor closed the question without changing anything. */
  closed(): void;
}

/** Shows the question; gives what takes it away. */
export type Ask = (asking: Asking) => () => void;
