// The shop's own few lines around the browser library: what a visitor does here, in the library's calls. Before the question is answered,
// and after a «no», it tells nothing; what the shop itself must know then, its server tells, as any shop's does.
"use strict";
(() => {
  const tn = JSON.parse(document.getElementById("tn").textContent);
  const PATIENCE = 1500;

  // Somebody else sits at this browser now: nothing of the one before is left in it.
  if (tn.fresh) {
    try {
      for (const name of Object.keys(localStorage)) if (name.startsWith("oportuno.")) localStorage.removeItem(name);
    } catch { /* where nothing may be stored, nothing is left */ }
  }

  const simulated = tn.answer !== "";
  const analytics = window.analytics.load(tn.key, { pages: "off", banner: !simulated, language: tn.language, policy: `/demo/${tn.language}/answers` });
  if (simulated) {
    const yes = tn.answer === "yes";
    const kept = analytics.consent.answers();
    if (!kept || kept.answers.personalisation !== yes) {
      analytics.consent.answer({ personalisation: yes, measurement: yes }, { notice: "demo-1", language: tn.language });
    }
  }
  if (tn.person.id) {
    if (analytics.user().id() !== tn.person.id) analytics.identify(tn.person.id, { email: tn.person.email, name: tn.person.name });
  } else if (analytics.user().id()) analytics.reset();

  function product(id, quantity) {
    const known = tn.products[id];
    return known ? { ...known, product_id: id, quantity, currency: tn.currency } : { product_id: id, quantity, currency: tn.currency };
  }
  // In the order in which they were put in: an object would sort its numbers.
  const lines = () => tn.order.map((id) => product(id, tn.basket[id]));
  const until = (moment) => ({ held_until: new Date(moment).toISOString() });
  const inAnHour = () => until(Date.now() + 3600e3);

  if (tn.event === "product") analytics.product.viewed(product(tn.viewed, 1));
  if (tn.event === "list" && tn.query) analytics.list.searched({ query: tn.query });
  else if (tn.event === "list" && tn.aisle) analytics.list.viewed({ list_id: tn.aisle, category: tn.aisle });
  else if (tn.event === "list") analytics.page("Shop");
  const whole = () => lines().length && analytics.cart.viewed(lines(), tn.heldUntil ? until(tn.heldUntil) : {});
  if (tn.event === "cart") whole();
  // Answered just now: what already lies in the basket is said once, so that the yes and the basket belong together.
  else if (analytics.state() === "asking") analytics.on("consent", () => analytics.state() === "open" && whole());

  function telling(form, said) {
    const { add, line, tell } = form.dataset;
    if (tell) {
      if (said === "saved") return () => analytics.wishlist.added(product(tell, 1));
      if (said === "unsaved") return () => analytics.wishlist.removed(product(tell, 1));
      return () => analytics.stock.asked(product(tell, 1));
    }
    if ("order" in form.dataset) {
      const total = lines().reduce((sum, each) => sum + each.price * each.quantity, 0);
      const id = `TN-${crypto.randomUUID().slice(0, 8)}`;
      return () => analytics.order.completed(lines(), { order_id: id, total: Math.round(total * 100) / 100, currency: tn.currency });
    }
    const id = add || line;
    const had = tn.basket[id] || 0;
    if (!id) return null;
    if (said === "add" || said === "more") return () => analytics.cart.added(product(id, 1), inAnHour());
    return had ? () => analytics.cart.removed(product(id, said === "less" ? 1 : had)) : null;
  }

  function put(form, name, value) {
    const field = document.createElement("input");
    field.type = "hidden"; field.name = name; field.value = value;
    form.append(field);
  }

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (analytics.state() !== "open") return;
    if ("hear" in form.dataset) {
      put(form, "anonymous", analytics.user().anonymousId() || "");
      return;
    }
    const button = event.submitter;
    const tell = telling(form, button ? button.value : "add");
    if (!tell) return;
    event.preventDefault();
    tell();
    if (button && button.name) put(form, button.name, button.value);
    put(form, "told", "browser");
    let gone = false;
    const leave = () => { if (!gone) { gone = true; form.submit(); } };
    analytics.once("sent", leave);
    setTimeout(leave, PATIENCE);
    analytics.flush();
  });
})();
