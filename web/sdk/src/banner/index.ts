/** The question whether a visitor may be remembered: two equal doors, no cross, nothing ticked, and the shop usable behind it. */

import { PURPOSES, type Answers, type Purpose } from "../core/consent.js";
import type { Ask, Asking } from "./asking.js";
import { dress } from "./style.js";
import { wordsFor, type Words } from "./words.js";

export type { Ask, Asking };

type Part = Node | string | false | null | undefined;

/** Makes an element; text stays text. */
function make<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Record<string, string>,
  ...parts: Part[]
): HTMLElementTagNameMap[Name] {
  const element = document.createElement(name);
  for (const each in attributes) element.setAttribute(each, attributes[each]!);
  element.append(...parts.filter((part): part is Node | string => !!part));
  return element;
}

function button(text: string, look: string, act: () => void, more: Record<string, string> = {}): HTMLButtonElement {
  const made = make("button", { type: "button", class: look, ...more }, text);
  made.addEventListener("click", act);
  return made;
}

export const ask: Ask = (asking) => {
  const { words, notice } = wordsFor(asking.language, asking.voice ?? "tu", asking.months);
  const host = document.createElement("oportuno-consent");
  host.lang = asking.language;
  const root = host.attachShadow({ mode: "open" });
  const section = make("section", { "aria-labelledby": "title" });
  const spoken = make("p", { class: "spoken", role: "status" });
  const before = document.activeElement;
  let detailed = false;
  dress(root);
  root.append(section, spoken);
  document.body.append(host);

  const hide = () => {
    const inside = !!root.activeElement;
    section.remove();
    // Whoever was reading hears it; the house is taken down when it has been said.
    if (!asking.again && !inside) return host.remove();
    spoken.textContent = words.saved;
    if (inside && before instanceof HTMLElement && before.isConnected) before.focus();
    setTimeout(() => host.remove(), 4_000);
  };
  const say = (answers: Partial<Answers>) => asking.say(answers, notice, asking.language);
  const leave = () => {
    host.remove();
    if (before instanceof HTMLElement && before.isConnected) before.focus();
    asking.closed();
  };
  const turn = (deep: boolean) => {
    const turned = section.hasChildNodes();
    detailed = deep;
    section.replaceChildren(deep ? detail(words, asking, say, asking.again ? leave : () => turn(false)) : question(words, asking, say, () => turn(true)));
    // Only then: it has the browser lay the page out at once.
    if (turned) section.scrollTop = 0;
  };
  section.addEventListener("keydown", (event) => {
    // In the question itself Esc says nothing: an answer without a label is none.
    if (event.key !== "Escape" || !detailed) return;
    event.stopPropagation();
    if (asking.again) leave();
    else {
      turn(false);
      root.querySelector<HTMLElement>(".link")?.focus();
    }
  });
  turn(asking.again);
  if (asking.again) root.querySelector("h2")?.focus();
  return hide;
};

function question(words: Words, asking: Asking, say: (answers: Partial<Answers>) => void, deeper: () => void): HTMLElement {
  const all = (yes: boolean) => say({ personalisation: yes, measurement: yes });
  const door = (id: string, means: string, label: string, yes: boolean) =>
    make("div", { class: "what" }, make("p", { id }, means), button(label, "", () => all(yes), { "aria-describedby": id }));
  return make(
    "div",
    { class: "in" },
    make(
      "div",
      { class: "lead" },
      make("h2", { id: "title" }, words.title),
      make("p", {}, words.lead, make("b", {}, words.promise), words.works),
      make("div", { class: "links" }, button(words.each, "link", deeper), link(words, asking)),
    ),
    door("yes", words.yesMeans, words.yes, true),
    door("no", words.noMeans, words.no, false),
  );
}

function link(words: Words, { policy }: Asking): HTMLElement | null {
  // Only an address of the web: it comes from the page, and is never run.
  return policy && /^(https?:|\/)/.test(policy) ? make("a", { href: policy }, words.policy) : null;
}

function detail(words: Words, asking: Asking, say: (answers: Partial<Answers>) => void, back: () => void): HTMLElement {
  const all = (yes: boolean) => say({ personalisation: yes, measurement: yes });
  const form = make(
    "form",
    { class: "detail" },
    make(
      "div",
      {},
      make("h2", { id: "title", tabindex: "-1" }, words.detailTitle),
      make("p", { class: "quiet" }, words.detailLead),
    ),
    make("p", {}, make("b", {}, words.always), words.alwaysWhat),
    make("div", { class: "pair col" }, button(words.allNo, "", () => all(false)), button(words.allYes, "", () => all(true))),
    ...PURPOSES.map((purpose) => doors(words, purpose, asking.answers)),
    make("button", { type: "submit", class: "main" }, words.save),
    make("p", { class: "small" }, words.unanswered),
    make("p", { class: "small" }, asking.refused ? words.signalNow : words.signal),
    make("div", { class: "links" }, button(asking.again ? words.leave : words.back, "link", back), link(words, asking)),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const given = new FormData(form);
    say(Object.fromEntries(PURPOSES.map((purpose) => [purpose, given.get(purpose) === "yes"])));
  });
  queueMicrotask(() => form.querySelector("h2")?.focus());
  return form;
}

function doors(words: Words, purpose: Purpose, answers: Answers | null): HTMLElement {
  const door = (value: "yes" | "no", label: string, means: string) => {
    const radio = make("input", { type: "radio", name: purpose, value, "aria-describedby": `${purpose}-${value}` });
    radio.checked = !!answers && answers[purpose] === (value === "yes");
    return make("label", { class: "door" }, radio, make("b", {}, label), make("span", { id: `${purpose}-${value}` }, means));
  };
  return make(
    "fieldset",
    { "aria-describedby": `${purpose}-what` },
    make("legend", {}, words[purpose]),
    make("div", {}, make("h3", { "aria-hidden": "true" }, words[purpose]), make("p", { class: "quiet", id: `${purpose}-what` }, words[`${purpose}What`])),
    make("div", { class: "pair" }, door("yes", words.plainYes, words[`${purpose}Yes`]), door("no", words.plainNo, words[`${purpose}No`])),
  );
}
