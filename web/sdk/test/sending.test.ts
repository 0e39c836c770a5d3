import assert from "node:assert/strict";
import { test } from "node:test";

import { blindId, timedId, timeOf, weigh } from "../src/core/ids.js";
import { World, YES } from "./world.js";

async function open(settings = {}): Promise<[World, ReturnType<World["page"]>]> {
  const world = new World();
  const page = world.page(settings);
  page.answer(YES);
  await world.pass(1_000);
  world.sent = [];
  return [world, page];
}

const stored = (world: World) => [...world.shelf.keys()].filter((name) => name.startsWith("q.")).length;

test("the same id, time and text go out until somebody takes them", async () => {
  const [world, page] = await open();
  world.script = [{ status: 0 }, { status: 500 }, { status: 408 }, { status: 503 }];
  page.track("Cart Viewed");
  await world.pass(120_000);
  assert.equal(world.sent.length, 5);
  assert.equal(new Set(world.calls().map((call) => JSON.stringify(call))).size, 1);
  assert.equal(stored(world), 0);
  assert.deepEqual(page.lost, []);
});

test("the server's own wait is kept to, in seconds and as a date", async () => {
  for (const after of ["30", new Date(Date.UTC(2026, 10, 22, 9, 0, 31)).toUTCString()]) {
    const [world, page] = await open();
    world.script = [{ status: 429, retryAfter: after }];
    page.track("Cart Viewed");
    await world.pass(25_000);
    page.track("Cart Viewed");
    page.flush();
    page.leave();
    page.again();
    assert.equal(world.sent.length, 1, "not even in a hurry");
    await world.pass(10_000);
    assert.equal(world.sent.length, 2);
    assert.equal(stored(world), 0);
  }
});

test("waits grow and never go beyond a minute", async () => {
  const [world, page] = await open();
  world.script = Array.from({ length: 40 }, () => ({ status: 502 }));
  page.track("Cart Viewed");
  await world.pass(30 * 60_000);
  const times = world.sent.map((each) => Date.parse(each.body.sentAt));
  const waits = times.slice(1).map((time, i) => time - times[i]!);
  assert.ok(waits.every((wait) => wait >= 500 && wait <= 60_000));
  assert.ok(waits[0]! <= 1_000 && waits.slice(7).every((wait) => wait >= 30_000));
  assert.equal(page.lost.length, 0);
});

test("a batch that is too large goes in halves, and only a call too large alone is given up", async () => {
  const [world, page] = await open();
  const post = world.post.bind(world);
  world.post = async (body, leaving) => {
    const reply = await post(body, leaving);
    return JSON.parse(body).batch.some((call: any) => call.event === "Huge") || JSON.parse(body).batch.length > 2 ? { ...reply, status: 413 } : reply;
  };
  for (const event of ["A", "B", "Huge", "C", "D", "E"]) page.track(event);
  await world.pass(10_000);
  const taken = new Set(world.sent.filter((each) => each.body.batch.length <= 2 && !each.body.batch.some((call) => call.event === "Huge")).flatMap((each) => each.body.batch.map((call) => call.event)));
  assert.deepEqual([...taken].sort(), ["A", "B", "C", "D", "E"]);
  assert.deepEqual(page.lost, [{ reason: "refused", count: 1, status: 413 }]);
  assert.equal(stored(world), 0);
});

test("a refusal is not repeated for ever", async () => {
  const [world, page] = await open();
  world.script = Array.from({ length: 3 }, () => ({ status: 401 }));
  page.track("Cart Viewed");
  await world.pass(600_000);
  assert.equal(world.sent.length, 3);
  assert.deepEqual(page.lost, [{ reason: "refused", count: 1, status: 401 }]);
  page.track("Cart Viewed");
  await world.pass(1_000);
  assert.equal(world.sent.length, 4, "the next one is tried all the same");
});

test("offline everything waits, and nothing within the ceiling is lost", async () => {
  const [world, page] = await open({ queuedAtMost: 50 });
  world.connected = false;
  for (let i = 0; i < 50; i++) page.track("Cart Viewed", { i });
  await world.pass(600_000);
  assert.equal(world.sent.length, 0);
  world.connected = true;
  page.again();
  await world.pass(1_000);
  assert.deepEqual(world.calls().map((call) => call.properties.i), Array.from({ length: 50 }, (_, i) => i));
  assert.deepEqual(page.lost, []);
});

test("above the ceiling the oldest go, and it is said how many", async () => {
  const [world, page] = await open({ queuedAtMost: 50, queuedBytesAtMost: 12_000 });
  world.connected = false;
  for (let i = 0; i < 70; i++) page.track("Cart Viewed", { i });
  assert.ok(stored(world) <= 50);
  const gone = page.lost.reduce((sum, fact) => sum + fact.count, 0);
  world.connected = true;
  page.again();
  await world.pass(1_000);
  const left = world.calls().map((call) => call.properties.i);
  assert.deepEqual(left, Array.from({ length: 70 - gone }, (_, i) => gone + i));
  assert.ok(gone >= 20);
});

test("what waits for an answer has a ceiling too", async () => {
  const world = new World();
  const page = world.page({ waitingAtMost: 3 });
  for (const event of ["A", "B", "C", "D"]) page.track(event);
  page.answer(YES);
  await world.pass(1_000);
  assert.deepEqual(world.names(), ["Consent Answered", "B", "C", "D"]);
  assert.deepEqual(page.lost, [{ reason: "ceiling", count: 1 }]);
});

test("what one page could not send the next one does, and of two tabs none loses anything", async () => {
  const [world, page] = await open();
  world.connected = false;
  const twin = world.page();
  page.track("A");
  twin.track("B");
  world.connected = true;
  const next = world.page();
  await world.pass(1_000);
  assert.deepEqual(world.names(), ["A", "B"]);
  assert.equal(stored(world), 0);
  assert.equal(next.state(), "open");
});

test("a page that goes sends at once, in pieces that browsers let through, and keeps what nobody acknowledged", async () => {
  const [world, page] = await open();
  for (let i = 0; i < 100; i++) page.track("Cart Viewed", { i, padding: "x".repeat(900) });
  world.script = [{ status: 200 }, { status: 0 }];
  page.leave();
  const pieces = world.sent.filter((each) => each.leaving);
  assert.ok(pieces.length > 1);
  assert.ok(pieces.every((piece) => JSON.stringify(piece.body).length < 32_000));
  const before = stored(world);
  await world.pass(0);
  assert.ok(stored(world) < before);
  assert.ok(stored(world) >= pieces[1]!.body.batch.length);
});

test("what happens while the page is hidden leaves in that moment", async () => {
  const [world, page] = await open();
  world.hidden = true;
  page.track("Product Viewed", { product_id: "boots", visible_seconds: 31 });
  await world.pass(0);
  assert.deepEqual(world.names(), ["Product Viewed"]);
  assert.equal(world.sent[0]!.leaving, true);
});

test("a page that was only hidden goes on trying", async () => {
  const [world, page] = await open();
  world.hidden = true;
  world.script = [{ status: 0 }, { status: 429, retryAfter: "5" }];
  page.track("Product Viewed", { product_id: "boots" });
  await world.pass(4_000);
  assert.equal(world.sent.length, 2);
  await world.pass(4_000);
  assert.equal(world.sent.length, 3);
  assert.equal(stored(world), 0);
});

test("a call that cannot be written, or is far too large, harms no other", async () => {
  const [world, page] = await open();
  const circle: any = {};
  circle.circle = circle;
  page.track("Circle", circle);
  page.track("Large", { text: "ñ".repeat(20_000) });
  page.track("When", {}, { timestamp: "no time" });
  page.track("Cart Viewed");
  await world.pass(1_000);
  assert.deepEqual(world.names(), ["Cart Viewed"]);
  assert.deepEqual(page.lost.map((fact) => fact.reason), ["unreadable", "too_large", "unreadable"]);
});

test("a listener that raises harms nobody", async () => {
  const [world, page] = await open();
  const { error } = console;
  console.error = () => undefined;
  page.on("track", () => {
    throw new Error("the page's own");
  });
  page.track("Cart Viewed");
  await world.pass(1_000);
  console.error = error;
  assert.deepEqual(world.names(), ["Cart Viewed"]);
});

test("the calls are those of analytics.js, in every form in which it may be written", async () => {
  const [world, page] = await open();
  let told = 0;
  page.page("Home");
  page.page("Shop", "Boots", { size: 39 });
  page.page({ path: "/own" });
  page.identify({ plan: "gold" });
  page.identify("ana", { email: "ana@example.com" }, () => told++);
  page.track("Cart Viewed", undefined, { timestamp: "2026-11-22T08:00:00Z", context: { campaign: { name: "rain" } } }, () => told++);
  page.group("club", { city: "Santander" });
  page.alias("ana-2");
  page.screen("Basket");
  await page.track("Awaited");
  await world.pass(1_000);
  const calls = world.calls();
  assert.deepEqual(calls.map((call) => [call.type, call.event ?? call.name ?? call.groupId ?? ""]), [
    ["page", "Home"], ["page", "Boots"], ["page", ""], ["identify", ""], ["identify", ""], ["track", "Cart Viewed"],
    ["group", "club"], ["alias", ""], ["screen", "Basket"], ["track", "Awaited"],
  ]);
  assert.equal(calls[1]!.category, "Shop");
  assert.deepEqual([calls[1]!.properties.size, calls[1]!.properties.path, calls[2]!.properties.path], [39, "/botas", "/own"]);
  assert.deepEqual(calls[3]!.traits, { plan: "gold" });
  assert.deepEqual([calls[4]!.userId, calls[4]!.traits], ["ana", { email: "ana@example.com" }]);
  assert.equal(calls[5]!.timestamp, "2026-11-22T08:00:00.000Z");
  assert.deepEqual(calls[5]!.context.campaign, { name: "rain" });
  assert.deepEqual([calls[7]!.userId, calls[7]!.previousId], ["ana-2", "ana"]);
  assert.equal(told, 2);
});

test("the hooks of a shop say what the server knows", async () => {
  const [world, page] = await open();
  page.cart.added({ id: "boots", price: 54, currency: "EUR" }, { cart_id: "c1" });
  page.cart.viewed(["boots", { product_id: "wool" }], { currency: "EUR" });
  page.wishlist.added(7);
  page.order.completed(["boots"], { order_id: "TN-1", total: 54, currency: "EUR" });
  await world.pass(1_000);
  assert.deepEqual(world.calls().map((call) => [call.event, call.properties]), [
    ["Product Added", { product_id: "boots", price: 54, currency: "EUR", cart_id: "c1" }],
    ["Cart Viewed", { products: [{ product_id: "boots" }, { product_id: "wool" }], currency: "EUR" }],
    ["Product Added to Wishlist", { product_id: "7" }],
    ["Order Completed", { products: [{ product_id: "boots" }], order_id: "TN-1", total: 54, currency: "EUR" }],
  ]);
});

test("on, once and off", async () => {
  const [, page] = await open();
  const heard: string[] = [];
  const listener = (event: string) => heard.push(event);
  page.on("track", listener).once("track", (event) => heard.push(`once ${event}`));
  page.track("A");
  page.track("B");
  page.off("track", listener);
  page.track("C");
  assert.deepEqual(heard, ["A", "once A", "B"]);
});

test("ids are of their kind, and sort by time", () => {
  const bytes = () => Uint8Array.from({ length: 16 }, (_, i) => 255 - i);
  assert.match(blindId(bytes()), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  const ids = [1, 1_000, 1_800_000_000_000, 1_800_000_000_001].map((time) => timedId(time, bytes()));
  assert.deepEqual(ids, ids.slice().sort());
  assert.match(ids[2]!, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(timeOf(ids[2]!), 1_800_000_000_000);
  for (const text of ["", "abc", "señal", "€", "👋🏽", "a😀b"]) assert.equal(weigh(text), new TextEncoder().encode(text).length, text);
});
