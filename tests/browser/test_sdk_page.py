"""The browser library in a real browser: closed until the visitor says yes, and then nothing is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from sdk_stage import LINE, PATIENCE, STRICT, Refusal, Stage, open_stage

from oportuno.consent.answers import Answered, Consents
from oportuno.consent.listen import listen
from oportuno.kit.ids import key_of
from oportuno.profile.draft import Draft

Visit = Callable[..., Page]
STORED = """async () => ({
    local: {...localStorage}, session: {...sessionStorage}, cookies: document.cookie,
    databases: (await indexedDB.databases()).map((each) => each.name), caches: window.caches ? await caches.keys() : [],
})"""
NOTHING: dict[str, Any] = {"local": {}, "session": {}, "cookies": "", "databases": [], "caches": []}
DOORS = {
    "es": ("Sí, recordadlo", "No, gracias", "Responder una a una"),
    "en": ("Yes, remember it", "No, thanks", "Answer one by one"),
}
FOCUSED = """() => {
    let element = document.activeElement;
    while (element.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
    return element.textContent;
}"""
LIBRARY = "() => window.analytics && typeof window.analytics.state === 'function'"


@pytest.fixture
def stage() -> Iterator[Stage]:
    with open_stage() as stage:
        yield stage


def arrive(page: Page, address: str) -> Page:
    """Open a page and wait until the library is there."""
    page.goto(address)
    page.wait_for_function(LIBRARY)
    return page


def settle(stage: Stage, page: Page) -> None:
    """Have everything sent that could be: what the library holds would leave before this request."""
    page.evaluate("async () => { analytics.flush(); analytics.leave(); await fetch('/settled'); }")
    stage.until(lambda: any(each.path == "/settled" for each in stage.asked))


def shut(page: Page) -> None:
    """Close a tab as a visitor does, and wait until it is gone."""
    with page.expect_event("close", timeout=PATIENCE * 1_000):
        page.close(run_before_unload=True)


def say(page: Page, label: str) -> None:
    page.get_by_role("button", name=label, exact=True).click()


def test_nothing_is_stored_or_sent_before_the_answer_and_a_no_keeps_only_itself(stage: Stage, visit: Visit) -> None:
    page = arrive(visit(), stage.put('<h1>Botas</h1><div data-oportuno-product="boots">54 €</div>'))
    expect(page.get_by_role("button", name="No, gracias")).to_be_visible()
    page.evaluate("() => { analytics.identify('ana', {email: 'ana@example.com'}); analytics.cart.added('boots'); }")
    settle(stage, page)
    assert page.evaluate(STORED) == NOTHING
    assert page.context.cookies() == []
    assert {each.path for each in stage.asked} <= {"/", "/favicon.ico", "/sdk/oportuno.min.js", "/sdk/oportuno-banner.min.js", "/settled"}
    assert not any("cookie" in each.headers for each in stage.asked)
    say(page, "No, gracias")
    expect(page.get_by_role("button", name="No, gracias")).to_have_count(0)
    page.evaluate("() => analytics.track('Product Viewed', {product_id: 'boots'})")
    settle(stage, page)
    kept = page.evaluate(STORED)
    assert {**kept, "local": {}} == NOTHING
    assert list(kept["local"]) == ["oportuno.wk_norte.consent"]
    assert stage.batches() == []
    arrive(page, stage.address + "/")
    settle(stage, page)
    assert page.locator("oportuno-consent").count() == 0
    assert stage.batches() == []


def test_a_yes_is_told_first_with_its_proof_and_what_waited_follows(stage: Stage, visit: Visit) -> None:
    page = visit()
    asked_of: set[str] = set()
    page.on("request", lambda request: asked_of.add(request.url.split("/")[2]))
    arrive(page, stage.put("<h1>Botas</h1>"))
    page.evaluate("() => analytics.cart.added({id: 'boots', price: 54, currency: 'EUR'})")
    say(page, "Sí, recordadlo")
    stage.until(lambda: len(stage.names()) >= 3)
    consent, seen, added = stage.events()
    assert stage.names() == ["Consent Answered", "page", "Product Added"]
    assert consent["context"]["consent"] == {
        "categoryPreferences": {"personalisation": True, "measurement": True},
        "notice": "oportuno-web-1-13m",
    }
    assert consent["context"]["locale"] == "es"
    assert consent["properties"]["method"] == "banner"
    assert seen["context"]["page"]["title"] == "Tienda Norte"
    assert seen["anonymousId"] == added["anonymousId"] == consent["anonymousId"]
    draft = Draft(key_of(1, 1))
    for event in sorted((event for run in stage.world.tables.events.values() for event in run), key=lambda event: event.seq):
        listen(draft, event)
    granted = draft.read(Consents).answers
    assert {place: (each.state, each.notice) for place, each in granted.items()} == {
        "personalisation/*": (Answered.GRANTED, "oportuno-web-1-13m"),
        "measurement/*": (Answered.GRANTED, "oportuno-web-1-13m"),
    }
    assert asked_of == {stage.address.split("/")[2]}, "nobody else was asked for anything"
    assert page.context.cookies() == []
    arrive(page, stage.address + "/")
    stage.until(lambda: len(stage.names()) >= 4)
    assert stage.names()[3:] == ["page"]
    assert stage.events()[3]["anonymousId"] == consent["anonymousId"]


@pytest.mark.parametrize("language", ["es", "en"])
def test_the_two_doors_are_equal_and_the_keyboard_reaches_them(stage: Stage, visit: Visit, language: str) -> None:
    yes, no, each = DOORS[language]
    page = arrive(visit(phone=language == "en"), stage.put('<a href="#">shop</a>', language=language))
    left, right = (page.get_by_role("button", name=name, exact=True) for name in (yes, no))
    expect(left).to_be_visible()
    boxes = [door.bounding_box() for door in (left, right)]
    look = "(e) => { const s = getComputedStyle(e); return [s.color, s.backgroundColor, s.font, s.border]; }"
    assert boxes[0] is not None
    assert boxes[1] is not None
    assert (round(boxes[0]["width"]), round(boxes[0]["height"])) == (round(boxes[1]["width"]), round(boxes[1]["height"]))
    assert boxes[0]["y"] == boxes[1]["y"]
    assert left.evaluate(look) == right.evaluate(look)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    reached = []
    for _ in range(4):
        page.keyboard.press("Tab")
        reached.append(page.evaluate(FOCUSED))
    assert reached == ["shop", each, yes, no]
    page.keyboard.press("Escape")
    expect(left).to_be_visible()
    page.keyboard.press("Enter")
    expect(left).to_have_count(0)
    assert page.evaluate("analytics.state()") == "closed"


def test_each_question_can_be_answered_by_itself_and_changed_from_the_foot_of_the_page(stage: Stage, visit: Visit) -> None:
    page = arrive(visit(), stage.put('<a href="#" data-oportuno-consent>Tus respuestas</a>'))
    say(page, "Responder una a una")
    remember, measure = (
        page.get_by_role("group", name="Recordar lo que miras"),
        page.get_by_role("group", name="Saber si la tienda funciona"),
    )
    assert page.locator("oportuno-consent input:checked").count() == 0
    remember.get_by_role("radio", name="Sí").check()
    say(page, "Guardar mis respuestas")
    stage.until(lambda: len(stage.names()) >= 2)
    assert stage.events()[0]["context"]["consent"]["categoryPreferences"] == {"personalisation": True, "measurement": False}
    page.get_by_text("Tus respuestas", exact=True).click()
    expect(remember.get_by_role("radio", name="Sí")).to_be_checked()
    expect(measure.get_by_role("radio", name="No")).to_be_checked()
    page.keyboard.press("Escape")
    expect(remember).to_have_count(0)
    page.get_by_text("Tus respuestas", exact=True).click()
    say(page, "Responder no a todo")
    stage.until(lambda: len(stage.names()) >= 3)
    taken_back = stage.events()[2]
    assert taken_back["context"]["consent"]["categoryPreferences"] == {"personalisation": False, "measurement": False}
    page.wait_for_function("() => Object.keys(localStorage).length === 1")
    assert page.evaluate("analytics.user().anonymousId()") is None


def test_it_works_under_a_policy_that_forbids_everything_but_the_shops_own_files(stage: Stage, visit: Visit) -> None:
    page = visit()
    page.add_init_script(
        "window.broken = []; addEventListener('securitypolicyviolation', (e) => broken.push(e.violatedDirective + ' ' + e.blockedURI));"
    )
    arrive(page, stage.put("<h1>Botas</h1>", policy=STRICT))
    banner = page.locator("oportuno-consent section")
    expect(banner).to_have_css("position", "fixed")
    say(page, "Sí, recordadlo")
    stage.until(lambda: "page" in stage.names())
    assert page.evaluate("broken") == []


def test_a_browser_that_asks_not_to_be_profiled_is_not_asked(stage: Stage, visit: Visit) -> None:
    page = visit()
    page.add_init_script("Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', {value: true, configurable: true})")
    arrive(page, stage.put("<button data-oportuno-consent>Tus respuestas</button>"))
    settle(stage, page)
    assert page.evaluate("analytics.state()") == "closed"
    assert page.locator("oportuno-consent").count() == 0
    assert page.evaluate(STORED) == NOTHING
    assert stage.batches() == []
    # Who says yes nevertheless, after reading what the browser asked for, is believed.
    say(page, "Tus respuestas")
    expect(page.get_by_text("Tu navegador pide que no se te perfile")).to_be_visible()
    say(page, "Responder sí a todo")
    stage.until(lambda: stage.names() == ["Consent Answered"])
    asked = arrive(visit(), stage.put("", path="/ask", head=LINE.format(more=' data-gpc="ask"')))
    expect(asked.get_by_role("button", name="No, gracias")).to_be_visible()


def remembered(stage: Stage, page: Page, **more: Any) -> Page:
    """Open a page of the shop where the visitor has said yes."""
    arrive(page, stage.put(more.pop("body", "<h1>Botas</h1>"), **more))
    page.evaluate("() => analytics.consent.answer({personalisation: true, measurement: true}, {notice: '7', language: 'es'})")
    stage.until(lambda: "Consent Answered" in stage.names())
    return page


def test_what_happens_while_the_tab_closes_arrives(stage: Stage, visit: Visit) -> None:
    page = remembered(stage, visit(), head=LINE.format(more=' data-pages="off"'))
    page.evaluate("() => addEventListener('pagehide', () => analytics.track('Cart Viewed', {products: []}))")
    page.evaluate("() => analytics.track('Product Added', {product_id: 'boots'})")
    shut(page)
    stage.until(lambda: {"Cart Viewed", "Product Added"} <= set(stage.names()))
    assert sorted(stage.names()) == ["Cart Viewed", "Consent Answered", "Product Added"]


def test_what_happens_on_the_way_to_the_next_page_arrives_once(stage: Stage, visit: Visit) -> None:
    page = remembered(stage, visit(), body='<a href="/next">seguir</a>', head=LINE.format(more=' data-pages="off"'))
    stage.put("<h1>Cesta</h1>", path="/next", head=LINE.format(more=' data-pages="off"'))
    page.evaluate(
        "() => document.querySelector('a').addEventListener('click', () => analytics.track('Product Clicked', {product_id: 'boots'}))"
    )
    page.get_by_text("seguir").click()
    page.wait_for_function(LIBRARY)
    page.evaluate("() => analytics.track('Cart Viewed', {products: []})")
    stage.until(lambda: "Cart Viewed" in stage.names() and "Product Clicked" in stage.names())
    assert sorted(stage.names()) == ["Cart Viewed", "Consent Answered", "Product Clicked"]


def test_offline_then_online_loses_nothing(stage: Stage, visit: Visit) -> None:
    page = remembered(stage, visit(), head=LINE.format(more=' data-pages="off"'))
    page.context.set_offline(offline=True)
    page.wait_for_function("() => navigator.onLine === false")
    page.evaluate("() => { for (let i = 0; i < 120; i++) analytics.track('Cart Viewed', {i}); }")
    page.context.set_offline(offline=False)
    stage.until(lambda: len(stage.names()) >= 121)
    assert sorted(event["properties"]["i"] for event in stage.events() if event.get("event") == "Cart Viewed") == list(range(120))
    page.wait_for_function("() => !Object.keys(localStorage).some((name) => name.includes('.q.'))")


def test_what_an_offline_page_could_not_say_the_next_page_does(stage: Stage, visit: Visit) -> None:
    page = remembered(stage, visit(), head=LINE.format(more=' data-pages="off"'))
    other = page.context.new_page()
    page.context.set_offline(offline=True)
    page.wait_for_function("() => navigator.onLine === false")
    page.evaluate("() => analytics.track('Product Added', {product_id: 'boots'})")
    shut(page)
    other.context.set_offline(offline=False)
    arrive(other, stage.address + "/")
    stage.until(lambda: "Product Added" in stage.names())
    assert sorted(stage.names()) == ["Consent Answered", "Product Added"]


def test_refusals_are_answered_as_each_of_them_asks_and_everything_arrives_once(stage: Stage, visit: Visit) -> None:
    page = remembered(stage, visit(), head=LINE.format(more=' data-pages="off"'))
    stage.refusals.extend([Refusal(429, "1"), Refusal(503, "0"), Refusal(500)])
    page.evaluate("() => { for (let i = 0; i < 40; i++) analytics.track('Cart Viewed', {i}); }")
    stage.until(lambda: len(stage.names()) >= 41)
    assert sorted(event["properties"]["i"] for event in stage.events() if event.get("event") == "Cart Viewed") == list(range(40))
    calls = [call for batch in stage.batches() for call in batch]
    stamps: dict[str, set[str]] = {}
    for call in calls:
        stamps.setdefault(call["messageId"], set()).add(call["timestamp"])
    assert all(len(each) == 1 for each in stamps.values()), "a call keeps its id and its time"
    assert len(stamps) == 41


def test_a_batch_that_is_too_large_goes_in_halves(stage: Stage, visit: Visit) -> None:
    page = remembered(stage, visit(), head=LINE.format(more=' data-pages="off"'))
    stage.refusals.append(Refusal(413, above=3))
    page.evaluate("() => { for (let i = 0; i < 25; i++) analytics.track('Cart Viewed', {i}); }")
    stage.until(lambda: len(stage.names()) >= 26)
    assert sorted(event["properties"]["i"] for event in stage.events() if event.get("event") == "Cart Viewed") == list(range(25))


def test_seconds_in_sight_are_said_once_when_the_look_ends(stage: Stage, visit: Visit) -> None:
    product = 'data-oportuno-product=\'{"product_id": "boots", "category": "Pies"}\''
    page = visit()
    page.clock.install()
    remembered(
        stage, page, body=f"<main {product}>Botas</main><p data-oportuno-product='below' style='margin-top:9000px'>Lejos</p>", policy=""
    )
    page.wait_for_function("() => [...analytics.looks.looks.values()][0].since >= 0")
    page.clock.run_for(31_000)
    stage.put("<h1>Cesta</h1>", path="/next")
    page.goto(stage.address + "/next")
    stage.until(lambda: "Product Viewed" in stage.names())
    [look] = [event["properties"] for event in stage.events() if event.get("event") == "Product Viewed"]
    assert (look["product_id"], look["category"]) == ("boots", "Pies")
    assert 31 <= look["visible_seconds"] <= 90


def test_pages_that_a_script_turns_to_are_told_and_what_was_patched_is_undone(stage: Stage, visit: Visit) -> None:
    page = remembered(stage, visit(), head=LINE.format(more=' data-pages="history"'))
    page.evaluate("() => { history.pushState({}, '', '/lana?color=rojo&token=secret'); document.title = 'Lana'; }")
    stage.until(lambda: stage.names().count("page") >= 2)
    turned = [event["properties"] for event in stage.events() if event["type"] == "page"][1]
    assert (turned["path"], turned["title"]) == ("/lana", "Lana")
    assert "secret" not in str(stage.events())
    assert "rojo" in turned["search"]
    page.evaluate("() => analytics.stop()")
    assert page.evaluate("() => history.pushState.toString().includes('[native code]')")


def test_the_line_may_stand_twice_and_block_the_page(stage: Stage, visit: Visit) -> None:
    line = LINE.format(more="").replace(" async", "")
    page = arrive(visit(), stage.put('<main data-oportuno-product="boots">Botas</main>', head=line + line))
    say(page, "Sí, recordadlo")
    stage.until(lambda: "page" in stage.names())
    page.reload()
    page.wait_for_function("() => analytics.looks.looks.size === 1 && analytics.state() === 'open'")
    stage.until(lambda: stage.names().count("page") >= 2)
    page.evaluate("() => analytics.track('Cart Viewed', {products: []})")
    stage.until(lambda: "Cart Viewed" in stage.names())
    names = [name for name in stage.names() if name != "Product Viewed"]
    assert names == ["Consent Answered", "page", "page", "Cart Viewed"]
    assert all(event["properties"]["title"] == "Tienda Norte" for event in stage.events() if event["type"] == "page")
    assert page.locator("oportuno-consent").count() == 0


def test_what_the_page_says_before_the_library_came_is_heard_in_its_order(stage: Stage, visit: Visit) -> None:
    # The snippet as the library's server gives it, pointed to this shop, and in a file of the shop's own: the policy wants it so.
    stage.put("", path="/empty", head="")
    snippet = visit().request.get(stage.address + "/sdk/oportuno-snippet.js", timeout=PATIENCE * 1_000).text()
    assert "https://events.tiendanorte.example" in snippet
    stage.file(
        "/own.js",
        snippet.replace("https://events.tiendanorte.example", stage.address)
        + """
        analytics.page("Inicio");
        analytics.cart.added("boots");
        analytics.on("consent", (answers) => { document.title = "heard " + answers.measurement; });
        analytics.ready(() => { document.body.dataset.ready = "yes"; });
        analytics.load("wk_norte", {banner: false, language: "es"});
        analytics.consent.answer({measurement: true}, {notice: "own-1"});
        analytics.track("Cart Viewed", {products: []});
        window.early = analytics;
    """,
    )
    policy = STRICT.replace("; require-trusted-types-for 'script'", "")
    page = arrive(visit(), stage.put("<h1>Botas</h1>", head='<script src="/own.js"></script>', policy=policy))
    page.evaluate("() => early.track('Checkout Started', {products: []})")
    stage.until(lambda: "Checkout Started" in stage.names())
    stage.until(lambda: len(stage.names()) >= 5)
    assert stage.names() == ["Consent Answered", "page", "Product Added", "Cart Viewed", "Checkout Started"]
    assert stage.events()[0]["context"]["consent"]["notice"] == "own-1"
    assert page.title() == "heard true"
    assert page.evaluate("analytics.state() === 'open' && !analytics.looks.running"), "how long one looks belongs to remembering"
    expect(page.locator("body")).to_have_attribute("data-ready", "yes")
    assert page.locator("oportuno-consent").count() == 0


def test_the_answer_of_one_tab_counts_in_the_other(stage: Stage, visit: Visit) -> None:
    page = arrive(visit(), stage.put("<h1>Botas</h1>"))
    other = arrive(page.context.new_page(), stage.address + "/")
    expect(other.get_by_role("button", name="No, gracias")).to_be_visible()
    say(page, "No, gracias")
    expect(other.get_by_role("button", name="No, gracias")).to_have_count(0)
    assert other.evaluate("analytics.state()") == "closed"
    assert stage.batches() == []


def test_where_storage_is_refused_the_shop_works_and_the_events_arrive(stage: Stage, visit: Visit) -> None:
    page = visit()
    page.add_init_script("Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('no', 'SecurityError'); }})")
    arrive(page, stage.put("<h1>Botas</h1>"))
    say(page, "Sí, recordadlo")
    stage.until(lambda: "page" in stage.names())
    assert stage.names() == ["Consent Answered", "page"]


def test_a_page_costs_little(stage: Stage, browser: Browser, record_property: Callable[[str, object], None]) -> None:
    """How much is measured and noted, not judged: a busy machine has its own seconds. What is judged: it asks for two files and no more."""
    context: BrowserContext = browser.new_context()
    context.set_default_timeout(PATIENCE * 1_000)
    page = context.new_page()
    cdp = context.new_cdp_session(page)
    # The processor's time of the page's own thread, not the wall's: other programs do not count.
    cdp.send("Performance.enable", {"timeDomain": "threadTicks"})
    spent = []
    for head in ("", LINE.format(more="")):
        page.goto(stage.put("<h1>Botas</h1>", head=head))
        if head:
            expect(page.get_by_role("button", name="No, gracias")).to_be_visible()
        metrics = {each["name"]: each["value"] for each in cdp.send("Performance.getMetrics")["metrics"]}
        spent.append(metrics["TaskDuration"] * 1_000)
    context.close()
    record_property("main_thread_ms_with_library_and_question", round(spent[1] - spent[0], 1))
    assert sorted(each.path for each in stage.asked if each.path.startswith("/sdk/")) == [
        "/sdk/oportuno-banner.min.js",
        "/sdk/oportuno.min.js",
    ]
