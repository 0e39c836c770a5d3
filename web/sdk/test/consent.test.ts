import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";

import { ALL_WORDS, VERSION, wordsFor } from "../src/banner/words.js";
import { NO, World, YES } from "./world.js";

test("before an answer nothing is stored or sent, and no id is made", async () => {
  const world = new World();
  const page = world.page();
  page.identify("ana", { email: "ana@example.com" });
  page.page("Botas");
  page.cart.added({ product_id: "boots", price: 54 });
  page.reset();
  await world.pass(3_600_000);
  assert.equal(page.state(), "asking");
  assert.equal(page.user().anonymousId(), null);
  assert.equal(world.shelf.size, 0);
  assert.deepEqual(world.sent, []);
});

test("a yes comes first, with its proof, and lets out what waited", async () => {
  const world = new World();
  const page = world.page();
  page.page("Botas");
  page.cart.added("boots");
  const asked = world.time;
  await world.pass(60_000);
  page.answer({ personalisation: true }, { notice: "web-1", language: "en", method: "banner" });
  await world.pass(1_000);
  assert.deepEqual(world.names(), ["Consent Answered", "page", "Product Added"]);
  const [consent, first] = world.calls();
  assert.deepEqual(consent!.context.consent, { categoryPreferences: { personalisation: true, measurement: false }, notice: "web-1" });
  assert.equal(consent!.context.locale, "en");
  assert.equal(consent!.context.timezone, "Europe/Madrid");
  assert.equal(consent!.userId, undefined);
  assert.equal(first!.anonymousId, consent!.anonymousId);
  assert.ok(Date.parse(first!.timestamp) >= asked + 60_000, "of the time before the yes nothing is said");
  const order = world.calls().map((call) => call.timestamp);
  assert.deepEqual(order, [...new Set(order)].sort());
  assert.equal(world.sent[0]!.body.writeKey, "wk_norte");
});

test("of being spoken to on the shop's pages nothing is said until the page asks, and a no to everything is one to that too", async () => {
  const world = new World();
  const page = world.page();
  page.answer({ personalisation: true });
  assert.deepEqual(page.answers()!.answers, { personalisation: true, measurement: false });
  page.answer({ on_site: true });
  assert.equal(page.state(), "open");
  assert.deepEqual(page.answers()!.answers, { personalisation: false, measurement: false, on_site: true });
  page.answer(YES);
  assert.equal(page.answers()!.answers.on_site, true);
  assert.equal(world.page().answers()!.answers.on_site, true);
  page.answer({ ...YES, on_site: false });
  assert.equal(page.answers()!.answers.on_site, false);
  page.answer({ ...YES, on_site: true });
  await world.pass(1_000);
  page.answer(NO);
  assert.equal(page.state(), "closed");
  assert.equal(page.answers()!.answers.on_site, false);
  await world.pass(1_000);
  assert.deepEqual(world.calls().at(-1)!.context.consent!.categoryPreferences, { ...NO, on_site: false });
});

test("a no forgets what waited and keeps nothing but itself", async () => {
  const world = new World();
  const page = world.page();
  page.track("Product Viewed", { product_id: "boots" });
  page.answer(NO);
  page.track("Product Viewed", { product_id: "boots" });
  await world.pass(3_600_000);
  assert.deepEqual([...world.shelf.keys()], ["consent"]);
  assert.ok(!/[0-9a-f]{8}-/.test(world.shelf.get("consent")!), "no id of anybody");
  assert.deepEqual(world.sent, []);
  assert.deepEqual(page.lost, [{ reason: "consent", count: 1 }, { reason: "consent", count: 1 }]);
  assert.equal(world.page().state(), "closed");
});

test("who takes a yes back is forgotten here, and the server hears it, even from the next page", async () => {
  const world = new World();
  const page = world.page();
  page.answer(YES);
  page.identify("ana");
  await world.pass(1_000);
  const id = page.user().anonymousId();
  world.connected = false;
  page.track("Product Viewed", { product_id: "secret-of-ana" });
  page.answer(NO);
  await world.pass(1_000);
  assert.equal(page.user().id(), null);
  assert.deepEqual([...world.shelf.keys()].map((name) => name.slice(0, 2)).sort(), ["co", "q."]);
  assert.ok(![...world.shelf.values()].join().includes("secret-of-ana"));
  world.connected = true;
  world.sent = [];
  world.page();
  await world.pass(1_000);
  const [no] = world.calls();
  assert.deepEqual(world.names(), ["Consent Answered"]);
  assert.equal(no!.anonymousId, id);
  assert.equal(no!.userId, "ana");
  assert.deepEqual(no!.context.consent.categoryPreferences, NO);
  assert.deepEqual([...world.shelf.keys()], ["consent"]);
});

test("the proof is told once for a device, and again for the next one after a reset", async () => {
  const world = new World();
  world.page().answer(YES);
  await world.pass(1_000);
  const again = world.page();
  again.track("Cart Viewed");
  await world.pass(1_000);
  assert.deepEqual(world.names(), ["Consent Answered", "Cart Viewed"]);
  const before = again.user().anonymousId();
  again.reset();
  again.track("Cart Viewed");
  await world.pass(1_000);
  assert.deepEqual(world.names().slice(2), ["Consent Answered", "Cart Viewed"]);
  assert.notEqual(again.user().anonymousId(), before);
});

test("where nothing can be kept the proof still goes only once", async () => {
  const world = new World();
  world.full = true;
  const page = world.page();
  page.answer(YES);
  page.track("Cart Viewed");
  page.track("Cart Viewed");
  await world.pass(1_000);
  assert.deepEqual(world.names(), ["Consent Answered", "Cart Viewed", "Cart Viewed"]);
  assert.equal(world.shelf.size, 0);
});

test("a browser that asks not to be profiled says no without being asked, and nothing is kept of it", async () => {
  const world = new World();
  const page = world.page({ refused: true });
  page.track("Cart Viewed");
  await world.pass(1_000);
  assert.equal(page.state(), "closed");
  assert.equal(world.shelf.size, 0);
  assert.deepEqual(world.sent, []);
});

test("the browser's own no takes back a yes that was given without it, and the server hears it", async () => {
  const world = new World();
  const page = world.page();
  page.answer(YES);
  await world.pass(1_000);
  const id = page.user().anonymousId();
  world.sent = [];
  const refused = world.page({ refused: true });
  refused.track("Cart Viewed");
  await world.pass(1_000);
  assert.deepEqual(world.names(), ["Consent Answered"]);
  assert.equal(world.calls()[0]!.anonymousId, id);
  assert.deepEqual(world.calls()[0]!.context.consent.categoryPreferences, NO);
  assert.equal(world.calls()[0]!.properties.method, "gpc");
  assert.equal(world.shelf.size, 0);
});

test("who answers nevertheless is believed, on the next page too", async () => {
  const world = new World();
  world.page({ refused: true }).answer(YES, { method: "banner" });
  const next = world.page({ refused: true });
  assert.equal(next.state(), "open");
});

test("an answer of another tab counts here at once", async () => {
  const world = new World();
  const left = world.page();
  const right = world.page();
  right.track("Cart Viewed");
  left.answer(YES);
  right.overheard();
  await world.pass(1_000);
  assert.deepEqual(world.names(), ["Consent Answered", "Cart Viewed"]);
  world.connected = false;
  right.track("Product Viewed", { product_id: "secret" });
  left.answer(NO);
  right.overheard();
  assert.equal(right.state(), "closed");
  world.connected = true;
  world.sent = [];
  left.again();
  right.again();
  await world.pass(120_000);
  assert.deepEqual([...new Set(world.names())], ["Consent Answered"]);
  assert.deepEqual([...world.shelf.keys()], ["consent"]);
});

test("an answer holds for its months and is asked for anew, without the old id", async () => {
  const world = new World();
  world.page().answer(YES);
  await world.pass(1_000);
  world.time += 400 * 864e5;
  const page = world.page({ months: 13 });
  assert.equal(page.state(), "asking");
  assert.equal(page.user().anonymousId(), null);
  assert.deepEqual([...world.shelf.keys()], ["consent"]);
});

test("nobody vouches for a user in a yes; a token of the shop's server does, and goes with every call that names one", async () => {
  const world = new World();
  const page = world.page({ identity: () => "signed" });
  page.identify("ana");
  page.answer(YES);
  await world.pass(1_000);
  const [consent, identify] = world.calls();
  assert.equal(consent!.userId, "ana");
  assert.deepEqual(consent!.context.identity, { token: "signed" });
  assert.deepEqual(identify!.context.identity, { token: "signed" });
});

test("the words are proved by their version: who changes them gives them a new one", () => {
  const digest = createHash("sha256").update(JSON.stringify(ALL_WORDS)).digest("hex").slice(0, 16);
  const known: Record<number, string> = { 1: "07bc3fa152c2fef2" };
  assert.equal(known[VERSION], digest, `the words changed: raise VERSION and note ${digest}`);
});

test("both languages say everything, and each form of address has a proof of its own", () => {
  assert.deepEqual(Object.keys(ALL_WORDS.es).sort(), Object.keys(ALL_WORDS.en).sort());
  const formal = wordsFor("es", "usted", 13);
  assert.equal(formal.notice, "oportuno-web-1-usted-13m");
  assert.equal(wordsFor("en", "usted", 6).notice, "oportuno-web-1-6m");
  assert.ok(formal.notice.length <= 64);
  const familiar = /\b(tu|tus|te|ti|contigo|miras|quieras|dejes|respondas|verás|ves|decides)\b/i;
  for (const [name, text] of Object.entries(formal.words)) assert.ok(!familiar.test(text), `${name}: ${text}`);
  for (const text of Object.values(formal.words)) assert.ok(!/[{}!]/.test(text), text);
});
