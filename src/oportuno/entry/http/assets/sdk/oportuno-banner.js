/* Oportuno 0.1.0, Apache-2.0. Stores and sends nothing before the visitor says yes. */

// src/core/consent.ts
var PURPOSES = ["personalisation", "measurement"];
var MONTH = 30.44 * 864e5;

// src/banner/style.ts
var STYLE = `
:host{all:initial;font-family:inherit;color-scheme:inherit;
--brand:var(--oportuno-brand,#0d4450);--accent:var(--oportuno-accent,#f8c81c);--ink:var(--oportuno-ink,#12262b);--paper:var(--oportuno-paper,#fff);
--on-brand:var(--oportuno-on-brand,#fff);--focus:var(--oportuno-focus,#0b57d0);--radius:var(--oportuno-radius,10px);
--ink-2:#41555a;--line:#d5dadc;--edge:#71797c;--fog:#f3f6f7;--tint:#e4ebec}
@supports (color:light-dark(#000,#fff)){:host{
--brand:var(--oportuno-brand,light-dark(#0d4450,#8fd3d6));--on-brand:var(--oportuno-on-brand,light-dark(#fff,#0a1c20));
--ink:var(--oportuno-ink,light-dark(#12262b,#e9f1f1));--paper:var(--oportuno-paper,light-dark(#fff,#12262b));--focus:var(--oportuno-focus,light-dark(#0b57d0,#9cc2ff));
--ink-2:color-mix(in oklab,var(--ink) 80%,var(--paper));--line:color-mix(in oklab,var(--ink) 17%,var(--paper));--edge:color-mix(in oklab,var(--ink) 60%,var(--paper));
--fog:color-mix(in oklab,var(--brand) 5%,var(--paper));--tint:color-mix(in oklab,var(--brand) 11%,var(--paper))}}
*{box-sizing:border-box}
section{position:fixed;inset:auto 0 0 0;z-index:2147483000;max-height:calc(100vh - 40px);max-height:calc(100dvh - 40px);overflow:auto;overscroll-behavior:contain;
background:var(--paper);color:var(--ink);border-top:4px solid var(--accent);box-shadow:0 -10px 40px rgb(10 40 48/.18);font-size:16px;line-height:1.5;text-align:start;-webkit-text-size-adjust:100%}
.in{max-width:1240px;margin:auto;padding:26px 24px;display:grid;grid-template-columns:1.25fr 1fr 1fr;gap:20px 28px}
h2{margin:0 0 8px;font-family:var(--oportuno-font-display,inherit);font-size:25px;line-height:1.16;font-weight:700;letter-spacing:-.012em;text-wrap:balance;outline:0}
h3{margin:0;font-family:var(--oportuno-font-display,inherit);font-size:18px;line-height:1.25;font-weight:660}
p{margin:0;text-wrap:pretty}b{font-weight:680}
.what{display:flex;flex-direction:column;justify-content:space-between;gap:14px;border-inline-start:1px solid var(--line);padding-inline-start:28px}
.what p,.quiet{font-size:15.5px;line-height:1.48;color:var(--ink-2)}
button{font-family:inherit;font-size:16px;line-height:1.2;font-weight:640;letter-spacing:inherit;min-height:46px;padding:10px 20px;border:1.5px solid var(--brand);border-radius:var(--radius);background:var(--paper);color:var(--brand);cursor:pointer;text-align:center}
button:hover{background:var(--tint)}
button.main{background:var(--brand);color:var(--on-brand);width:100%}
button.link,a{font-size:16px;font-weight:600;color:var(--brand);text-decoration:underline;text-decoration-thickness:1px;text-underline-offset:.18em;border-radius:3px}
button.link{border:0;background:none;padding:3px 0;min-height:30px;text-align:start}
button.link:hover,a:hover{text-decoration-thickness:2px;background:none}
.links{display:flex;flex-wrap:wrap;gap:0 22px;margin-top:10px;align-items:baseline}
:focus-visible{outline:3px solid var(--focus);outline-offset:3px}
.detail{max-width:800px;margin:auto;padding:28px 24px 24px;display:grid;gap:18px}
.detail h2{margin:0 0 6px;font-size:27px}
.pair{display:grid;grid-template-columns:1fr 1fr;gap:12px}
fieldset{border:1px solid var(--line);border-radius:calc(var(--radius)*1.4);margin:0;padding:18px 20px 20px;min-width:0;display:grid;gap:12px}
legend{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.door{position:relative;display:grid;grid-template-columns:24px 1fr;gap:4px 12px;align-content:start;border:1.5px solid var(--edge);border-radius:var(--radius);padding:14px;cursor:pointer}
.door b{font-size:16.5px;line-height:24px}.door span{grid-column:1/-1;font-size:15px;line-height:1.45;color:var(--ink-2)}
.door:hover{background:var(--fog)}
.door:has(:checked){border-color:var(--brand);box-shadow:inset 0 0 0 1.5px var(--brand);background:color-mix(in oklab,var(--brand) 9%,var(--paper))}
.door:has(:checked) span{color:var(--ink)}
.door:has(:focus-visible){outline:3px solid var(--focus);outline-offset:3px}.door :focus-visible{outline:none}
input{appearance:none;width:24px;height:24px;margin:0;border:1.5px solid var(--edge);border-radius:50%;background:var(--paper);cursor:pointer}
input:checked{border-color:var(--brand);background:radial-gradient(circle,var(--brand) 6px,var(--paper) 6.5px)}
.small{font-size:14.5px;line-height:1.45;color:var(--ink-2)}
.spoken{position:fixed;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
@media (max-width:860px){.in{grid-template-columns:1fr 1fr;padding:20px 18px 18px;gap:16px}.lead{grid-column:1/-1}h2{font-size:22px}
.what{border-inline-start:0;padding:12px 0 0;border-top:1px solid var(--line)}.what p{font-size:14.5px;line-height:1.42}.what button{padding-inline:8px}
.detail{padding:22px 18px 18px;gap:16px}.detail h2{font-size:24px}fieldset{padding:16px}}
@media (max-width:560px){.pair{gap:10px}.pair.col{grid-template-columns:1fr}}
@media (max-width:300px){.in,.pair{grid-template-columns:1fr}}
@media (max-height:480px){section{max-height:75vh;max-height:75dvh}.in{padding-block:14px;gap:10px 22px}h2{font-size:20px}}
@media (forced-colors:active){input{appearance:auto}}
@media print{section{display:none}}
`;
function dress(root) {
  try {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
  } catch {
    const style = document.createElement("style");
    style.textContent = STYLE;
    root.append(style);
  }
}

// src/banner/words.ts
var VERSION = 1;
var es = {
  title: "¿Podemos recordar lo que miras?",
  lead: "Para ordenar la tienda a tu gusto y ver qué falla. ",
  promise: "Hasta que respondas no guardamos nada",
  works: " y todo funciona igual.",
  each: "Responder una a una",
  yesMeans: "Verás primero lo que va contigo. Guardamos qué visitas, {months} meses. Escribirte te lo preguntaríamos aparte.",
  yes: "Sí, recordadlo",
  noMeans: "Verás la misma tienda y los mismos precios que todo el mundo. Solo recordamos tu cesta y este «no».",
  no: "No, gracias",
  detailTitle: "Tú decides qué podemos usar",
  detailLead: "Dos preguntas, cada una por separado. Lo que no has respondido vale como un no, y puedes cambiar de idea cuando quieras.",
  always: "Lo que siempre hacemos:",
  alwaysWhat: " tu cesta, tu pedido, tus facturas y la seguridad de tu cuenta. Lo exige el contrato o la ley y no sirve para publicidad.",
  allNo: "Responder no a todo",
  allYes: "Responder sí a todo",
  plainYes: "Sí",
  plainNo: "No",
  personalisation: "Recordar lo que miras",
  personalisationWhat: "Para ordenar la tienda a tu gusto y proponerte cosas parecidas.",
  personalisationYes: "Ves primero lo tuyo. Guardamos qué páginas visitas y cuánto rato, {months} meses.",
  personalisationNo: "Ves la tienda como todo el mundo, sin nada a tu medida. Mismos precios.",
  measurement: "Saber si la tienda funciona",
  measurementWhat: "Contamos visitas y errores para arreglar lo que falla.",
  measurementYes: "Tu visita cuenta en las estadísticas. En los correos sabremos qué enlaces se usan.",
  measurementNo: "No te contamos. Los correos que recibas irán sin píxel y sin enlaces personales.",
  save: "Guardar mis respuestas",
  unanswered: "Lo que dejes sin responder queda en no. Guardamos tu respuesta, la fecha y este texto (versión {version}) para poder enseñarte siempre qué aceptaste.",
  signal: "Tu navegador puede enviar una señal de privacidad (Global Privacy Control). Si la recibimos, la tratamos como un «no», sin preguntarte.",
  signalNow: "Tu navegador pide que no se te perfile: vale como un «no», salvo que aquí respondas otra cosa.",
  policy: "Aviso de privacidad",
  back: "Volver",
  leave: "Cerrar sin cambiar nada",
  saved: "Guardado. Vale desde ahora mismo."
};
var usted = {
  title: "¿Podemos recordar lo que mira?",
  lead: "Para ordenar la tienda a su gusto y ver qué falla. ",
  promise: "Hasta que responda no guardamos nada",
  yesMeans: "Verá primero lo que va con usted. Guardamos qué visita, {months} meses. Escribirle se lo preguntaríamos aparte.",
  yes: "Sí, recuérdenlo",
  noMeans: "Verá la misma tienda y los mismos precios que todo el mundo. Solo recordamos su cesta y este «no».",
  detailTitle: "Usted decide qué podemos usar",
  detailLead: "Dos preguntas, cada una por separado. Lo que no ha respondido vale como un no, y puede cambiar de idea cuando quiera.",
  alwaysWhat: " su cesta, su pedido, sus facturas y la seguridad de su cuenta. Lo exige el contrato o la ley y no sirve para publicidad.",
  personalisation: "Recordar lo que mira",
  personalisationWhat: "Para ordenar la tienda a su gusto y proponerle cosas parecidas.",
  personalisationYes: "Ve primero lo suyo. Guardamos qué páginas visita y cuánto rato, {months} meses.",
  personalisationNo: "Ve la tienda como todo el mundo, sin nada a su medida. Mismos precios.",
  measurementYes: "Su visita cuenta en las estadísticas. En los correos sabremos qué enlaces se usan.",
  measurementNo: "No le contamos. Los correos que reciba irán sin píxel y sin enlaces personales.",
  unanswered: "Lo que deje sin responder queda en no. Guardamos su respuesta, la fecha y este texto (versión {version}) para poder enseñarle siempre qué aceptó.",
  signal: "Su navegador puede enviar una señal de privacidad (Global Privacy Control). Si la recibimos, la tratamos como un «no», sin preguntarle.",
  signalNow: "Su navegador pide que no se le perfile: vale como un «no», salvo que aquí responda otra cosa."
};
var en = {
  title: "May we remember what you look at?",
  lead: "To arrange the shop to your taste and see what breaks. ",
  promise: "Until you answer, we keep nothing",
  works: " and everything works the same.",
  each: "Answer one by one",
  yesMeans: "You see what suits you first. We keep what you visit for {months} months. Writing to you would be asked separately.",
  yes: "Yes, remember it",
  noMeans: "You see the same shop and the same prices as everyone. We only remember your basket and this “no”.",
  no: "No, thanks",
  detailTitle: "You decide what we may use",
  detailLead: "Two questions, each on its own. What you have not answered counts as a no, and you can change your mind at any time.",
  always: "What we always do:",
  alwaysWhat: " your basket, your order, your invoices and the safety of your account. The contract or the law requires it, and it is not used for advertising.",
  allNo: "Answer no to everything",
  allYes: "Answer yes to everything",
  plainYes: "Yes",
  plainNo: "No",
  personalisation: "Remember what you look at",
  personalisationWhat: "To arrange the shop to your taste and suggest similar things.",
  personalisationYes: "You see what suits you first. We keep the pages you visit and for how long, {months} months.",
  personalisationNo: "You see the shop as everyone does, nothing tailored. Same prices.",
  measurement: "Know whether the shop works",
  measurementWhat: "We count visits and errors to fix what breaks.",
  measurementYes: "Your visit counts in the statistics. In e-mails we learn which links get used.",
  measurementNo: "You are not counted. E-mails to you carry no pixel and no personal links.",
  save: "Save my answers",
  unanswered: "Anything left unanswered stays a no. We keep your answer, the date and this text (version {version}) so that we can always show you what you agreed to.",
  signal: "Your browser can send a privacy signal (Global Privacy Control). If we receive it, we treat it as a “no”, without asking.",
  signalNow: "Your browser asks that you not be profiled: that counts as a “no”, unless you answer otherwise here.",
  policy: "Privacy notice",
  back: "Back",
  leave: "Close without changing anything",
  saved: "Saved. It counts from now."
};
function wordsFor(language, voice, months) {
  const formal = language === "es" && voice === "usted";
  const notice = `oportuno-web-${VERSION}${formal ? "-usted" : ""}-${months}m`;
  const words = language === "es" ? { ...es, ...formal ? usted : {} } : en;
  const fill = (text) => text.replace("{months}", String(months)).replace("{version}", String(VERSION));
  return { words: Object.fromEntries(Object.entries(words).map(([name, text]) => [name, fill(text)])), notice };
}

// src/banner/index.ts
function make(name, attributes, ...parts) {
  const element = document.createElement(name);
  for (const each in attributes) element.setAttribute(each, attributes[each]);
  element.append(...parts.filter((part) => !!part));
  return element;
}
function button(text, look, act, more = {}) {
  const made = make("button", { type: "button", class: look, ...more }, text);
  made.addEventListener("click", act);
  return made;
}
var ask = (asking) => {
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
    if (!asking.again && !inside) return host.remove();
    spoken.textContent = words.saved;
    if (inside && before instanceof HTMLElement && before.isConnected) before.focus();
    setTimeout(() => host.remove(), 4e3);
  };
  const say = (answers) => asking.say(answers, notice, asking.language);
  const leave = () => {
    host.remove();
    if (before instanceof HTMLElement && before.isConnected) before.focus();
    asking.closed();
  };
  const turn = (deep) => {
    const turned = section.hasChildNodes();
    detailed = deep;
    section.replaceChildren(deep ? detail(words, asking, say, asking.again ? leave : () => turn(false)) : question(words, asking, say, () => turn(true)));
    if (turned) section.scrollTop = 0;
  };
  section.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !detailed) return;
    event.stopPropagation();
    if (asking.again) leave();
    else {
      turn(false);
      root.querySelector(".link")?.focus();
    }
  });
  turn(asking.again);
  if (asking.again) root.querySelector("h2")?.focus();
  return hide;
};
function question(words, asking, say, deeper) {
  const all = (yes) => say({ personalisation: yes, measurement: yes });
  const door = (id, means, label, yes) => make("div", { class: "what" }, make("p", { id }, means), button(label, "", () => all(yes), { "aria-describedby": id }));
  return make(
    "div",
    { class: "in" },
    make(
      "div",
      { class: "lead" },
      make("h2", { id: "title" }, words.title),
      make("p", {}, words.lead, make("b", {}, words.promise), words.works),
      make("div", { class: "links" }, button(words.each, "link", deeper), link(words, asking))
    ),
    door("yes", words.yesMeans, words.yes, true),
    door("no", words.noMeans, words.no, false)
  );
}
function link(words, { policy }) {
  return policy && /^(https?:|\/)/.test(policy) ? make("a", { href: policy }, words.policy) : null;
}
function detail(words, asking, say, back) {
  const all = (yes) => say({ personalisation: yes, measurement: yes });
  const form = make(
    "form",
    { class: "detail" },
    make(
      "div",
      {},
      make("h2", { id: "title", tabindex: "-1" }, words.detailTitle),
      make("p", { class: "quiet" }, words.detailLead)
    ),
    make("p", {}, make("b", {}, words.always), words.alwaysWhat),
    make("div", { class: "pair col" }, button(words.allNo, "", () => all(false)), button(words.allYes, "", () => all(true))),
    ...PURPOSES.map((purpose) => doors(words, purpose, asking.answers)),
    make("button", { type: "submit", class: "main" }, words.save),
    make("p", { class: "small" }, words.unanswered),
    make("p", { class: "small" }, asking.refused ? words.signalNow : words.signal),
    make("div", { class: "links" }, button(asking.again ? words.leave : words.back, "link", back), link(words, asking))
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const given = new FormData(form);
    say(Object.fromEntries(PURPOSES.map((purpose) => [purpose, given.get(purpose) === "yes"])));
  });
  queueMicrotask(() => form.querySelector("h2")?.focus());
  return form;
}
function doors(words, purpose, answers) {
  const door = (value, label, means) => {
    const radio = make("input", { type: "radio", name: purpose, value, "aria-describedby": `${purpose}-${value}` });
    radio.checked = !!answers && answers[purpose] === (value === "yes");
    return make("label", { class: "door" }, radio, make("b", {}, label), make("span", { id: `${purpose}-${value}` }, means));
  };
  return make(
    "fieldset",
    { "aria-describedby": `${purpose}-what` },
    make("legend", {}, words[purpose]),
    make("div", {}, make("h3", { "aria-hidden": "true" }, words[purpose]), make("p", { class: "quiet", id: `${purpose}-what` }, words[`${purpose}What`])),
    make("div", { class: "pair" }, door("yes", words.plainYes, words[`${purpose}Yes`]), door("no", words.plainNo, words[`${purpose}No`]))
  );
}
export {
  ask
};
