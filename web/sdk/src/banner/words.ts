/** The words of the question, in each language and form of address. Whoever changes one changes VERSION: answers are proved by it. */

export const VERSION = 1;

export interface Words {
  title: string;
  lead: string;
  promise: string;
  works: string;
  each: string;
  yesMeans: string;
  yes: string;
  noMeans: string;
  no: string;
  detailTitle: string;
  detailLead: string;
  always: string;
  alwaysWhat: string;
  allNo: string;
  allYes: string;
  plainYes: string;
  plainNo: string;
  personalisation: string;
  personalisationWhat: string;
  personalisationYes: string;
  personalisationNo: string;
  measurement: string;
  measurementWhat: string;
  measurementYes: string;
  measurementNo: string;
  save: string;
  unanswered: string;
  signal: string;
  signalNow: string;
  policy: string;
  back: string;
  leave: string;
  saved: string;
}

const es: Words = {
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
  saved: "Guardado. Vale desde ahora mismo.",
};

const usted: Partial<Words> = {
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
  signalNow: "Su navegador pide que no se le perfile: vale como un «no», salvo que aquí responda otra cosa.",
};

const en: Words = {
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
  saved: "Saved. It counts from now.",
};

/** The words for a visitor, with the months filled in, and under which version they are proved. */
export function wordsFor(language: string, voice: "tu" | "usted", months: number): { words: Words; notice: string } {
  const formal = language === "es" && voice === "usted";
  const notice = `oportuno-web-${VERSION}${formal ? "-usted" : ""}-${months}m`;
  const words = language === "es" ? { ...es, ...(formal ? usted : {}) } : en;
  const fill = (text: string) => text.replace("{months}", String(months)).replace("{version}", String(VERSION));
  return { words: Object.fromEntries(Object.entries(words).map(([name, text]) => [name, fill(text)])) as unknown as Words, notice };
}

/** Everything that can be read, for the test that watches over VERSION. */
export const ALL_WORDS = { es, usted, en };
