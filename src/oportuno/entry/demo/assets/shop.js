// The shop's script: tells the product what happened, in the Segment calls any shop sends. It stays closed until the question about
// remembering is answered, and stores nothing in the browser before. A «no» lets through only what the basket itself needs
// and what is asked for outright: to save something, to be told.
"use strict";
(() => {
  const tn = JSON.parse(document.getElementById("tn").textContent);
  const yes = tn.answer === "yes";
  const open = tn.answer !== "" || tn.person.id !== "";
  const calls = [];
  let waiting = false;

  const stored = {
    read(name) { try { return localStorage.getItem(name); } catch { return null; } },
    write(name, value) { try { localStorage.setItem(name, value); } catch { /* private windows may refuse; the basket works all the same */ } },
  };

  function anonymousId() {
    const name = tn.person.id && !tn.person.id.startsWith("visita-") ? `tn_anonymous_${tn.person.id}` : "tn_anonymous";
    const kept = tn.fresh && name === "tn_anonymous" ? null : stored.read(name);
    const id = kept || crypto.randomUUID();
    if (!kept) stored.write(name, id);
    tn.fresh = false;
    return id;
  }

  function call(type, more) {
    if (!open) return;
    const now = new Date().toISOString();
    const base = { type, messageId: crypto.randomUUID(), anonymousId: anonymousId(), originalTimestamp: now, timestamp: now };
    if (tn.person.id) base.userId = tn.person.id;
    base.context = {
      locale: tn.locale,
      page: { path: location.pathname, url: location.origin + location.pathname },
      consent: tn.answer ? { categoryPreferences: { personalisation: yes, measurement: yes } } : undefined,
    };
    calls.push(Object.assign(base, more));
    if (!waiting) { waiting = true; queueMicrotask(send); }
  }

  function send() {
    waiting = false;
    if (!calls.length) return;
    const batch = calls.splice(0);
    fetch("/v1/batch", {
      method: "POST",
      keepalive: true,
      headers: { "Content-Type": "application/json", Authorization: "Basic " + btoa(tn.key + ":") },
      body: JSON.stringify({ batch, sentAt: new Date().toISOString() }),
    }).catch(() => { /* the shop works without; what could not be sent is not remembered */ });
  }

  function line(id, quantity) {
    const product = tn.products[id];
    if (!product) return null;
    return {
      product_id: id, variant: product.variant || undefined, name: product.name, price: product.price, quantity, currency: tn.currency,
      brand: product.brand || undefined, category: product.category,
      url: `${location.origin}/demo/${tn.language}/p/${id}`, image_url: `${location.origin}/demo/art/${product.art}.png`,
    };
  }

  const lines = () => Object.entries(tn.basket).map(([id, n]) => line(id, n)).filter(Boolean);
  const held = () => new Date(Date.now() + 3600e3).toISOString();
  const track = (event, properties) => call("track", { event, properties });

  function identify() {
    call("identify", { traits: tn.person.email ? { email: tn.person.email, name: tn.person.name } : {} });
  }

  function arrive() {
    const whole = lines();
    if (tn.person.id || (tn.answer && tn.event)) identify();
    if (tn.event === "cart" && whole.length) {
      track("Cart Viewed", { products: whole, currency: tn.currency, held_until: tn.heldUntil ? new Date(tn.heldUntil).toISOString() : undefined });
    }
    if (!yes) return;
    if (tn.event === "product" && tn.viewed) track("Product Viewed", line(tn.viewed, 1));
    if (tn.event === "list") call("page", { name: "Shop", properties: { title: document.title } });
  }

  function changed(form, what) {
    const id = form.dataset.add || form.dataset.line;
    const had = tn.basket[id] || 0;
    if (what === "add" || what === "more") track("Product Added", { ...line(id, 1), held_until: held() });
    else if (had) track("Product Removed", line(id, what === "less" ? 1 : had));
  }

  function ordered() {
    const bought = lines();
    const total = bought.reduce((sum, each) => sum + each.price * each.quantity, 0);
    track("Order Completed", { order_id: `TN-${crypto.randomUUID().slice(0, 8)}`, products: bought, total: Math.round(total * 100) / 100, currency: tn.currency });
  }

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.add || form.dataset.line) changed(form, event.submitter ? event.submitter.value : "add");
    if ("order" in form.dataset) ordered();
    // Asked for in so many words, so it is told after a «no» to remembering too.
    if (form.dataset.tell) track(event.submitter && event.submitter.value === "saved" ? "Product Added to Wishlist" : "Back In Stock Requested", line(form.dataset.tell, 1));
    if ("hear" in form.dataset && open) {
      const field = document.createElement("input");
      field.type = "hidden"; field.name = "anonymous"; field.value = anonymousId();
      form.append(field);
    }
    send();
  });

  // Answered just now: what already lies in the basket is said once, so that the yes or no and the basket belong together.
  if (open && tn.event && tn.event !== "cart" && Object.keys(tn.basket).length && stored.read("tn_said") !== JSON.stringify(tn.basket) && !tn.person.id) {
    track("Cart Viewed", { products: lines(), currency: tn.currency, held_until: tn.heldUntil ? new Date(tn.heldUntil).toISOString() : undefined });
  }
  if (open) stored.write("tn_said", JSON.stringify(tn.basket));
  arrive();
})();
