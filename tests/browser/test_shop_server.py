"""What the shop's own server tells where the browser stays closed, and what the account, the till and the tour's buttons do. On twins."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient
from httpx2 import ASGITransport, AsyncClient

from oportuno.adapters.memory import MemoryWorld
from oportuno.entry.demo.history import Product
from oportuno.entry.demo.people import CAST, DORA
from oportuno.entry.demo.router import router
from oportuno.entry.demo.setting import Setting
from oportuno.entry.demo.stage import Stage
from oportuno.entry.http.app import answer_fault
from oportuno.kit.faults import Fault

PEAR = Product(id="7", aisle="huerta", drawing="apple", names={"es": "Pera", "en": "Pear"}, sizes={}, price=150, house=True, baskets=3)


class Heard(list[tuple[str, dict[str, Any]]]):
    """Everything that the shop's server asked of the product."""

    def app(self) -> FastAPI:
        """Give a product that takes everything, and knows nobody."""
        made = FastAPI()

        @made.post("/{path:path}")
        async def take(path: str, request: Request) -> dict[str, Any]:
            self.append((path, await request.json()))
            return {"refused": []}

        return made


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def shop(heard: Heard) -> TestClient:
    world = MemoryWorld()
    setting = Setting(
        workspace=1, public_id="ws_1", write_key="wk_1", secret_key="sk_1", ends=0, wait_seconds=20, products=(PEAR,), people=(*CAST, DORA)
    )
    stage = Stage(
        setting=setting,
        reads=world.reads,
        store=world.store,
        mailbox=world.mailbox,
        programmes=world.programmes,
        catalogue=world.catalogue,
        api=AsyncClient(transport=ASGITransport(heard.app()), base_url="http://127.0.0.1"),
    )
    made = FastAPI()
    made.include_router(router(stage))
    made.add_exception_handler(Fault, answer_fault)
    return TestClient(made, base_url="http://127.0.0.1:8080", client=("127.0.0.1", 50_000), follow_redirects=False)


def told(heard: Heard) -> list[tuple[str, str]]:
    return [(call["userId"], call["event"]) for path, call in heard if path == "v1/track"]


def test_what_carlas_closed_browser_does_not_tell_the_shops_server_does(shop: TestClient, heard: Heard) -> None:
    shop.post("/demo/es/be", data={"person": "carla"})
    shop.post("/demo/es/cart", data={"product": "7", "do": "add"})
    shop.post("/demo/es/cart", data={"product": "7", "do": "more"})
    shop.post("/demo/es/cart", data={"product": "7", "do": "less"})
    shop.post("/demo/es/tell", data={"product": "7", "do": "saved"})
    shop.post("/demo/es/order", data={})
    assert told(heard) == [
        ("carla", "Product Added"),
        ("carla", "Product Added"),
        ("carla", "Product Removed"),
        ("carla", "Product Added to Wishlist"),
        ("carla", "Order Completed"),
    ]
    order = next(call["properties"] for _, call in heard if call.get("event") == "Order Completed")
    assert (order["total"], order["currency"], order["products"][0]["quantity"]) == (1.5, "USD", 1)


def test_what_the_browser_told_is_not_told_again(shop: TestClient, heard: Heard) -> None:
    shop.post("/demo/es/be", data={"person": "ana"})
    shop.post("/demo/es/cart", data={"product": "7", "do": "add", "told": "browser"})
    shop.post("/demo/es/tell", data={"product": "7", "do": "asked", "told": "browser"})
    shop.post("/demo/es/order", data={"told": "browser"})
    assert told(heard) == []


def test_of_dora_whom_nobody_knows_the_server_tells_nothing(shop: TestClient, heard: Heard) -> None:
    shop.post("/demo/es/cart", data={"product": "7", "do": "add"})
    noted = shop.post("/demo/es/tell", data={"product": "7", "do": "asked"})
    shop.post("/demo/es/order", data={})
    assert told(heard) == []
    assert "Aún no podemos apuntarlo" in shop.get(noted.headers["location"]).text


def test_an_address_left_is_asked_to_confirm_and_a_no_is_recorded_as_one(shop: TestClient, heard: Heard) -> None:
    shop.post("/demo/es/hear", data={"email": "dora@example.com", "answer": "yes", "back": "/account"})
    shop.post("/demo/es/hear", data={"email": "dora@example.com", "answer": "no", "back": "/account"})
    # The yes goes with the address in one call, so that the question to confirm it cannot come before the address.
    asked = [call["traits"].get("marketing_consent") for path, call in heard if path == "v1/identify"]
    assert asked == [True, None]
    answers = [(call["channel"], call["state"], call["source"]) for path, call in heard if path.endswith("/consents")]
    assert answers == [("email", "denied", "shop_form")]


def test_the_account_changes_how_often_and_stops_altogether_for_whoever_is_known(shop: TestClient, heard: Heard) -> None:
    shop.post("/demo/es/account", data={"do": "stopped"})
    assert heard == []
    shop.post("/demo/es/be", data={"person": "ana"})
    shop.post("/demo/es/account", data={"do": "cadence", "cadence": "monthly"})
    shop.post("/demo/es/account", data={"do": "cadence", "cadence": "hourly"})
    shop.post("/demo/es/account", data={"do": "stopped"})
    assert [(path, call.get("cadence") or call.get("state")) for path, call in heard] == [
        ("api/v1/customers/ana/wishes", "monthly"),
        ("api/v1/customers/ana/consents", "withdrawn"),
    ]
    assert 'role="status"' in shop.get("/demo/es/account?said=stopped").text


def test_the_till_sells_to_a_person_of_the_demonstration_and_to_nobody_else(shop: TestClient, heard: Heard) -> None:
    sold = shop.post("/demo/en/till", data={"who": "bruno", "product": "7"})
    shop.post("/demo/en/till", data={"who": "mallory", "product": "7"})
    shop.post("/demo/en/till", data={"who": "bruno", "product": "unknown"})
    assert told(heard) == [("bruno", "Order Completed")]
    assert "Bruno takes Pear" in shop.get(sold.headers["location"]).text


def test_the_tours_buttons_lead_on_and_doing_what_a_step_asks_does_too(shop: TestClient) -> None:
    shop.post("/demo/es/tour", data={"step": "1"})
    assert shop.cookies["demo_tour"] == "1"
    shop.post("/demo/es/be", data={"person": "ana"})
    assert shop.cookies["demo_tour"] == "2"
    shop.post("/demo/es/cart", data={"product": "7", "do": "add", "told": "browser"})
    assert shop.cookies["demo_tour"] == "3"
    assert shop.post("/demo/es/tour", data={"step": "4"}).headers["location"] == "/demo/es/mail"
    shop.post("/demo/es/tour", data={"step": "4", "do": "rest", "back": "/mail"})
    assert shop.cookies["demo_tour"] == "-4"
    assert 'id="tour"' not in shop.get("/demo/es/mail").text
    assert 'value="4"' in shop.get("/demo/es/tour").text
    shop.post("/demo/es/tour", data={"do": "end"})
    assert "demo_tour" not in shop.cookies


@pytest.mark.parametrize("nonsense", ["0", "11", "-1", "x", "9" * 9])
def test_a_step_that_there_is_not_is_no_step(shop: TestClient, nonsense: str) -> None:
    shop.cookies.set("demo_tour", nonsense)
    page = shop.get("/demo/es/tour")
    assert page.status_code == 200
    assert ('id="tour"' in page.text) is False
