"""The demonstration's pages on twins: whom they answer, what a visit changes, and that nothing from outside is ever markup."""

from __future__ import annotations

from email.message import EmailMessage

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import ASGITransport, AsyncClient

from oportuno.adapters.memory import MemoryWorld
from oportuno.entry.demo.history import Product
from oportuno.entry.demo.people import CAST, DORA
from oportuno.entry.demo.router import router
from oportuno.entry.demo.setting import Setting
from oportuno.entry.demo.stage import Stage
from oportuno.entry.http.app import answer_fault
from oportuno.flows.ports import Letter
from oportuno.kit.faults import Fault

TRAP = "<script>alert('trap')</script>"
HERE = ("127.0.0.1", 50_000)
PEAR = Product(id="7", aisle="huerta", drawing="apple", names={"es": TRAP, "en": TRAP}, sizes={}, price=150, house=True, baskets=3)


@pytest.fixture
def world() -> MemoryWorld:
    return MemoryWorld()


@pytest.fixture
def app(world: MemoryWorld) -> FastAPI:
    setting = Setting(
        workspace=1, public_id="ws_1", write_key="wk_1", secret_key="sk_1", ends=0, wait_seconds=20, products=(PEAR,), people=(*CAST, DORA)
    )
    nobody = AsyncClient(transport=ASGITransport(FastAPI()), base_url="http://127.0.0.1")
    stage = Stage(
        setting=setting,
        reads=world.reads,
        store=world.store,
        mailbox=world.mailbox,
        programmes=world.programmes,
        catalogue=world.catalogue,
        api=nobody,
    )
    made = FastAPI()
    made.include_router(router(stage))
    made.add_exception_handler(Fault, answer_fault)
    return made


@pytest.fixture
def ana(app: FastAPI) -> TestClient:
    return TestClient(app, base_url="http://127.0.0.1:8080", client=HERE, follow_redirects=False)


def letter(world: MemoryWorld) -> Letter:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "Tienda Norte <hola@tiendanorte.example.com>", "ana@example.com", "Tu cesta"
    mail.set_content(f"Hola {TRAP}")
    mail.add_alternative("<html><head></head><body>Hola, Ana</body></html>", subtype="html")
    kept = Letter(
        workspace=1, id=b"1" * 16, at=world.clock.now, address="ana@example.com", subject=TRAP, raw=mail.as_bytes(), message=b"1" * 16
    )
    world.tables.letters[1, kept.id] = kept
    return kept


def rows(world: MemoryWorld) -> str:
    return repr([getattr(world.tables, name) for name in type(world.tables).__slots__])


def test_only_this_machine_is_answered_and_only_under_its_own_name(app: FastAPI) -> None:
    for base, client in (
        ("http://127.0.0.1", ("192.0.2.7", 1)),
        ("http://shop.example", HERE),
        ("http://127.0.0.1", ("nonsense", 1)),
    ):
        assert TestClient(app, base_url=base, client=client).get("/demo/es").status_code == 404


def test_a_form_sent_by_another_site_changes_nothing(ana: TestClient) -> None:
    answer = ana.post("/demo/es/cart", data={"product": "7", "do": "add"}, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    assert not answer.cookies


def test_looking_changes_nothing(ana: TestClient, world: MemoryWorld) -> None:
    kept = letter(world)
    before = rows(world)
    paths = (
        "",
        "/p/7",
        "/cart",
        "/cart?oportuno_cart=abc",
        "/answers",
        "/terms",
        "/help/7",
        "/tour",
        "/be",
        "/mail",
        "/live",
        "/live/now",
        "/thanks",
        "/account",
        "/till",
        "/loading",
    )
    for path in (*paths, f"/mail/{kept.id.hex()}", f"/mail/{kept.id.hex()}?view=headers"):
        answer = ana.get(f"/demo/es{path}")
        assert answer.status_code == 200, path
        assert not answer.cookies, path
    assert rows(world) == before


def test_names_and_subjects_from_outside_are_shown_as_text_and_never_run(ana: TestClient, world: MemoryWorld) -> None:
    kept = letter(world)
    for path in ("", "/p/7", "/mail?who=all", f"/mail/{kept.id.hex()}?view=text", f"/mail/{kept.id.hex()}?view=headers", f"?q={TRAP}"):
        answer = ana.get(f"/demo/es{path}")
        assert TRAP not in answer.text, path
        assert "'unsafe-inline'" not in answer.headers["content-security-policy"], path
    assert "default-src 'none'" in ana.get(f"/demo/mail/{kept.id.hex()}/html").headers["content-security-policy"]


@pytest.mark.parametrize(
    "path", ["/demo/fr", "/demo/es/p/unknown", "/demo/es/mail/zz", "/demo/assets/passwords.txt", "/demo/art/huerta/x.svg"]
)
def test_what_is_not_there_is_said_to_be_not_there(ana: TestClient, path: str) -> None:
    assert ana.get(path).status_code == 404


def test_the_language_is_the_browsers_own(ana: TestClient) -> None:
    assert ana.get("/demo", headers={"Accept-Language": "fr, en;q=0.8"}).headers["location"] == "/demo/en"
    assert ana.get("/demo").headers["location"] == "/demo/es"
    cart = ana.get("/demo/cart?oportuno_cart=abc", headers={"Accept-Language": "en"})
    assert cart.headers["location"] == "/demo/en/cart?oportuno_cart=abc"


def test_a_link_that_no_longer_works_says_so_and_shows_this_browsers_basket(ana: TestClient) -> None:
    ana.post("/demo/es/cart", data={"product": "7", "do": "add"})
    page = ana.get("/demo/es/cart?oportuno_cart=abc")
    assert "Este enlace ya no vale" in page.text
    assert 'data-product="7"' in page.text


def test_who_becomes_somebody_else_leaves_basket_and_answers_behind(ana: TestClient) -> None:
    ana.post("/demo/es/cart", data={"product": "7", "do": "add"})
    ana.post("/demo/es/be", data={"person": "carla"})
    assert dict(ana.cookies) == {"demo_person": "carla", "demo_fresh": "1"}


def test_an_address_that_is_none_is_sent_back_with_what_to_do(ana: TestClient) -> None:
    answer = ana.post("/demo/en/hear", data={"email": "nobody", "answer": "yes", "back": "/cart"})
    assert answer.headers["location"] == "/demo/en/cart?email=bad#hear"
    ana.post("/demo/en/cart", data={"product": "7", "do": "add"})
    assert "name@example.com" in ana.get("/demo/en/cart?email=bad").text
