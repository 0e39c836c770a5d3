"""The door of measured links: it leads to the shop and nowhere else, notes only what may be noted, and changes nothing of anybody."""

from __future__ import annotations

import asyncio
import re
from html import unescape
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from fastapi import FastAPI
from hypothesis import given, settings
from hypothesis import strategies as st

from customer_stage import BRAND, KEY, MAKER, TIENDA_NORTE, Stage
from oportuno.channels.hearing import Hearing, Proof, What
from oportuno.channels.machine_clicks import SETTLES, Sign, Verdict
from oportuno.consent.answers import Answered
from oportuno.content.click_links import LIFETIME, ClickFacts, read_click, sign_click
from oportuno.content.links import Action, verify
from oportuno.content.message import FollowedLink, Message
from oportuno.content.wording import findings
from oportuno.entry.http.clicks import clicks_router
from oportuno.entry.http.pages.router import Pages
from oportuno.entry.http.pages.router import router as pages_router
from oportuno.entry.http.pages.words import WORDS
from oportuno.flows.click import ClickDoor, Swept, settle_clicks
from oportuno.flows.hear_back import HearBack, hear_back
from oportuno.kit.faults import Unavailable
from oportuno.kit.ids import derive
from oportuno.kit.times import HOUR, MINUTE, SECOND

DOOR = "https://pages.example/c/"
PHONE = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36"


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    text: str

    @property
    def location(self) -> str:
        return self.headers.get("location", "")


class Visitor:
    """Asks the pages' application directly, as a server would."""

    def __init__(self, stage: Stage, door: ClickDoor | None = None) -> None:
        self.app = FastAPI()
        self.app.include_router(pages_router(Pages(stage.desk, MAKER)))
        self.app.include_router(clicks_router(door or stage.click_door))

    def ask(self, address: str, *, method: str = "GET", agent: str = PHONE, language: str = "", **headers: str) -> Answer:
        path = urlsplit(address).path
        told = {"host": "pages.example", "user-agent": agent, "accept-language": language, **headers}
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "https",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in told.items()],
            "server": ("pages.example", 443),
            "client": ("192.0.2.1", 1),
        }
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(event: Any) -> None:
            sent.append(event)

        asyncio.run(self.app(scope, receive, send))
        start = next(event for event in sent if event["type"] == "http.response.start")
        content = b"".join(event.get("body", b"") for event in sent if event["type"] == "http.response.body")
        answered = {name.decode().lower(): value.decode() for name, value in start["headers"]}
        return Answer(start["status"], answered, content.decode("utf-8", "replace"))


class AnaClicks:
    """Ana said yes to measurement and has her mail."""

    def __init__(self, *, locale: str = "es-ES", brand: Any = BRAND) -> None:
        self.stage = Stage(brand)
        self.key = self.stage.ana(locale=locale)
        self.stage.measure(self.key)
        self.message: Message = self.stage.send(self.key)
        rendered = self.stage.claim(self.message)
        found = [unescape(address) for address in re.findall(r'href="([^"]*)"', rendered.html)]
        self.doors = sorted({address for address in found if address.startswith(DOOR)})
        self.links = {link.id: link for link in rendered.links}
        self.visitor = Visitor(self.stage)
        # She opens it an hour later.
        self.stage.world.clock.now += HOUR

    def another(self, name: str) -> str:
        """Give one more link that might have stood in her mail."""
        link = FollowedLink(workspace=TIENDA_NORTE, id=derive(name), url=f"https://norte.example/{name}")
        self.links[link.id] = self.stage.world.tables.links[TIENDA_NORTE, link.id] = link
        return DOOR + sign_click(ClickFacts(workspace=TIENDA_NORTE, message=self.message.id, link=link.id), KEY)

    def leads_to(self, address: str) -> FollowedLink:
        return self.links[read_click(address.removeprefix(DOOR), MAKER.keys).link]

    @property
    def noted(self) -> list[tuple[bytes, Sign]]:
        return [(place[3], row.sign) for place, row in self.stage.world.tables.clicks.items()]

    def settle(self, *, after: int = SETTLES + 1) -> list[Hearing]:
        """Let a while pass and settle; gives what was told."""
        told: list[Hearing] = []

        async def tell(hearing: Hearing) -> None:
            told.append(hearing)

        self.stage.world.clock.now += after
        asyncio.run(settle_clicks(self.stage.world.clicks, tell))
        return told

    def verdicts(self) -> list[Verdict]:
        return [row.verdict for row in self.stage.world.tables.clicks.values()]


# ── Where it leads ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_link_of_her_mail_leads_ana_to_the_shop_and_is_noted() -> None:
    ana = AnaClicks()
    assert ana.doors
    for address in ana.doors:
        answer, link = ana.visitor.ask(address), ana.leads_to(address)
        assert answer.status == 302
        assert answer.location.startswith(link.url)
        assert answer.location.startswith("https://norte.example/")
        assert (link.id, Sign.NONE) in ana.noted


def test_the_cart_opens_with_her_own_token_which_stands_in_no_table() -> None:
    ana = AnaClicks()
    (address,) = [address for address in ana.doors if ana.leads_to(address).cart]
    answer = ana.visitor.ask(address)
    (token,) = parse_qs(urlsplit(answer.location).query)["oportuno_cart"]
    facts = verify(token, MAKER.keys, ana.stage.now)
    assert (facts.key, facts.message, facts.action) == (ana.key, ana.message.id, Action.CART)
    assert "utm_source=oportuno" in answer.location
    assert "oportuno_cart" not in repr(ana.stage.world.tables.links)


def test_the_answer_is_quiet_and_kept_by_nobody() -> None:
    ana = AnaClicks()
    headers = ana.visitor.ask(ana.doors[0]).headers
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert "noindex" in headers["x-robots-tag"]
    assert "set-cookie" not in headers


@settings(max_examples=25)
@given(st.text(alphabet="ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~", min_size=1, max_size=130))
def test_a_made_up_link_leads_nowhere_and_is_said_kindly(token: str) -> None:
    ana = AnaClicks()
    answer = ana.visitor.ask(f"/c/{token}")
    assert answer.status == 404
    assert not answer.location
    assert WORDS["es"]["forged_title"] in answer.text
    assert ana.noted == []


def test_a_link_of_one_workspace_leads_nowhere_in_another() -> None:
    ana = AnaClicks()
    facts = read_click(ana.doors[0].removeprefix(DOOR), MAKER.keys)
    elsewhere = msgspec.structs.replace(ana.stage.programme, workspace=TIENDA_NORTE + 1, public_id="ws_sur")
    ana.stage.world.programmes.put(elsewhere)
    foreign = sign_click(msgspec.structs.replace(facts, workspace=TIENDA_NORTE + 1), KEY)
    unstored = sign_click(ClickFacts(workspace=TIENDA_NORTE, message=ana.message.id, link=b"x" * 16), KEY)
    for token in (foreign, unstored):
        answer = ana.visitor.ask(f"/c/{token}")
        assert (answer.status, answer.location) == (410, "")
        assert "https://norte.example" in answer.text
    assert ana.noted == []


def test_a_host_that_the_shop_has_given_up_is_not_led_to_any_more() -> None:
    ana = AnaClicks()
    moved = msgspec.structs.replace(BRAND, shop_url="https://nueva.example", cart_url="https://nueva.example/cesta")
    ana.stage.world.programmes.put(msgspec.structs.replace(ana.stage.programme, brand=moved))
    answer = ana.visitor.ask(ana.doors[0])
    assert (answer.status, answer.location) == (410, "")
    assert "https://nueva.example" in answer.text
    assert ana.noted == []


@pytest.mark.parametrize(("language", "words"), [("es-ES", "es"), ("en-GB", "en")])
def test_an_old_link_says_so_in_the_readers_language_and_shows_the_way_to_the_shop(language: str, words: str) -> None:
    ana = AnaClicks()
    ana.stage.world.clock.now += LIFETIME + 1
    answer = ana.visitor.ask(ana.doors[0], language=language)
    assert (answer.status, answer.location) == (410, "")
    assert WORDS[words]["expired_title"] in answer.text
    assert "https://norte.example" in answer.text
    assert ana.noted == []


def test_a_forgotten_customers_link_leads_nowhere_and_notes_nothing() -> None:
    ana = AnaClicks()
    ana.stage.erase(ana.key)
    answer = ana.visitor.ask(ana.doors[0])
    assert (answer.status, answer.location) == (410, "")
    assert "ana" not in answer.text.lower().replace("semana", "").replace("mañana", "")
    assert ana.noted == []


# ── A GET changes nothing ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_following_links_changes_nothing_of_anybody_beyond_the_note_that_somebody_looked(method: str) -> None:
    ana = AnaClicks()
    before = ana.stage.everything()
    for address in [*ana.doors, f"{DOOR}forged"]:
        for agent in (PHONE, "curl/8", ""):
            ana.visitor.ask(address, method=method, agent=agent)
    assert ana.stage.everything() == before
    assert bool(ana.noted) is (method == "GET")


def test_head_leads_to_the_same_place_and_is_not_noted() -> None:
    ana = AnaClicks()
    for address in ana.doors:
        head = ana.visitor.ask(address, method="HEAD")
        assert (head.status, head.location) == (302, ana.visitor.ask(address).location)
    assert len(ana.noted) == len(ana.doors)


def test_whoever_takes_measurement_back_is_led_on_and_not_noted() -> None:
    ana = AnaClicks()
    ana.stage.measure(ana.key, Answered.WITHDRAWN)
    answer = ana.visitor.ask(ana.doors[0])
    assert answer.status == 302
    assert answer.location.startswith("https://norte.example/")
    assert ana.noted == []


@pytest.mark.parametrize("gone", ["clicks.note", "message", "customer"])
def test_a_store_that_fails_keeps_nobody_from_the_shop(gone: str) -> None:
    ana = AnaClicks()

    class Away:
        def __init__(self, port: Any, *names: str) -> None:
            self._port, self._names = port, names

        def __getattr__(self, name: str) -> Any:
            if name in self._names:
                return self._fail
            return getattr(self._port, name)

        async def _fail(self, *_: Any, **__: Any) -> None:
            raise Unavailable("database_gone", "the database does not answer")

    clicks: Any = Away(ana.stage.world.clicks, "note") if gone == "clicks.note" else ana.stage.world.clicks
    ana.stage.desk.reads = Away(ana.stage.reads, gone)  # type: ignore[assignment]
    visitor = Visitor(ana.stage, ClickDoor(ana.stage.desk, MAKER, clicks))
    answer = visitor.ask(ana.doors[0])
    assert answer.status == 302
    assert answer.location.startswith("https://norte.example/")
    assert ana.noted == []


def test_when_nobody_knows_where_it_leads_it_says_so_and_that_the_fault_is_ours() -> None:
    ana = AnaClicks()

    async def away(*_: Any) -> None:
        raise Unavailable("database_gone", "the database does not answer")

    ana.stage.world.clicks.link = away  # type: ignore[method-assign,assignment]
    answer = ana.visitor.ask(ana.doors[0], language="en")
    assert answer.status == 503
    assert WORDS["en"]["away_link_title"] in answer.text


# ── What it meant ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_click_is_told_once_a_while_has_passed_as_a_report_of_its_message() -> None:
    ana = AnaClicks()
    ana.visitor.ask(ana.doors[0])
    clicked_at = ana.stage.now
    assert ana.settle(after=SETTLES - 1) == []
    (hearing,) = ana.settle(after=2)
    assert (hearing.what, hearing.proof, hearing.channel, hearing.source) == (What.CLICKED, Proof.SIGNED, "email", "click")
    assert (hearing.workspace, hearing.message, hearing.at) == (TIENDA_NORTE, ana.message.id, clicked_at)
    assert ana.verdicts() == [Verdict.PERSON]
    assert ana.settle() == []


def test_a_click_that_was_not_heard_is_told_again_and_always_under_the_same_id() -> None:
    ana = AnaClicks()
    ana.visitor.ask(ana.doors[0])
    heard: list[bytes] = []

    async def deaf(hearing: Hearing) -> None:
        heard.append(hearing.id)
        raise Unavailable("database_gone", "the database does not answer")

    ana.stage.world.clock.now += SETTLES + 1
    assert asyncio.run(settle_clicks(ana.stage.world.clicks, deaf)) == Swept(0, frozenset({TIENDA_NORTE}))
    assert ana.verdicts() == [Verdict.UNSETTLED]
    assert [hearing.id for hearing in ana.settle()] == heard
    assert ana.verdicts() == [Verdict.PERSON]


def test_a_scanner_that_follows_every_link_is_kept_marked_and_told_to_nobody() -> None:
    ana = AnaClicks()
    for address in [*ana.doors, ana.another("galerna"), ana.another("faro")]:
        ana.visitor.ask(address)
        ana.stage.world.clock.now += SECOND // 5
    assert ana.settle() == []
    assert set(ana.verdicts()) == {Verdict.MACHINE_BURST}


def test_a_browser_that_fetches_ahead_is_kept_marked_and_told_to_nobody() -> None:
    ana = AnaClicks()
    ana.visitor.ask(ana.doors[0], sec_purpose="prefetch")
    assert ana.settle() == []
    assert ana.verdicts() == [Verdict.MACHINE_PREFETCH]


def test_ana_presses_twice_and_it_is_one_click() -> None:
    ana = AnaClicks()
    ana.visitor.ask(ana.doors[0])
    ana.stage.world.clock.now += SECOND
    ana.visitor.ask(ana.doors[0])
    assert len(ana.settle(after=MINUTE)) == 1
    assert ana.verdicts() == [Verdict.PERSON, Verdict.AGAIN]


# ── It is said ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("locale", "language"), [("es-ES", "es"), ("en-IE", "en")])
def test_the_why_page_says_whether_clicks_are_measured_and_that_opening_never_is(locale: str, language: str) -> None:
    ana, words = AnaClicks(locale=locale), WORDS[language]
    why = f"/p/{ana.stage.token(ana.message, Action.WHY)}"
    told = unescape(ana.visitor.ask(why).text)
    assert words["measured"] in told
    assert words["measured_opening"] in told
    ana.stage.measure(ana.key, Answered.WITHDRAWN)
    assert words["measured_no_more"] in unescape(ana.visitor.ask(why).text)
    ana.stage.measure(ana.key, Answered.DENIED)
    assert words["measured_not"] in unescape(ana.visitor.ask(why).text)


def test_what_is_said_of_measuring_is_kind() -> None:
    for language, words in WORDS.items():
        for name in ("measure", "measured", "measured_no_more", "measured_not", "measured_opening", "away_link", "away_link_title"):
            assert findings(words[name], language) == []


# ── To the customer ─────────────────────────────────────────────────────────────────────────────────────────────────


def hear_clicks(ana: AnaClicks, *, ago: int = SETTLES + 1) -> list[tuple[str, Any]]:
    """Let a while pass and settle with the ear that everything is heard with; gives the events in the log."""
    world = ana.stage.world
    ear = HearBack(hearings=world.hearings, store=world.store, programmes=world.programmes, intake=world.intake)
    world.clock.now += ago
    asyncio.run(settle_clicks(world.clicks, lambda hearing: hear_back(hearing, ear)))
    return [(event.name, event.key) for event in world.tables.all_events()]


def test_anas_click_becomes_an_event_of_hers_once_however_often_it_is_settled() -> None:
    ana = AnaClicks()
    ana.visitor.ask(ana.doors[0])
    assert hear_clicks(ana) == [("Message Clicked", ana.key)]
    for row in ana.stage.world.tables.clicks.values():
        row.verdict = Verdict.UNSETTLED
    assert hear_clicks(ana) == [("Message Clicked", ana.key)]
    assert [each.what for each in asyncio.run(ana.stage.world.hearings.of_message(TIENDA_NORTE, ana.message.id))] == [What.CLICKED]


def test_a_machines_click_is_no_event() -> None:
    ana = AnaClicks()
    ana.visitor.ask(ana.doors[0], agent="Mozilla/5.0 (compatible; scanner-bot/1.0)")
    assert hear_clicks(ana) == []
    assert ana.verdicts() == [Verdict.MACHINE_AGENT]


def test_ana_is_forgotten_before_her_click_is_settled_and_nothing_is_told_of_her() -> None:
    ana = AnaClicks()
    ana.visitor.ask(ana.doors[0])
    ana.stage.erase(ana.key)
    assert hear_clicks(ana) == []
