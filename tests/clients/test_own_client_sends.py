"""Our own client sends one message, once, through everything that a network does; and asks what would be said."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from faulty_front import Fault, faulty_front
from open_shop import PATIENCE, OpenShop, Workspace, open_shop

from oportuno.client import CallMalformed, Client, GaveUp, Refused, Silent
from oportuno.flows.record import Registry
from oportuno.flows.work import OutboxStatus
from oportuno.kit.ids import key_of, read_customer

pytestmark = pytest.mark.postgres

DOCS = Path(__file__).parents[2] / "docs"
NOTICE = {"email": "ana@example.com", "subject": "Tu pedido 1001", "text": "Sale mañana."}


@pytest.fixture(scope="module")
def shop(postgres_url: str) -> Iterator[OpenShop]:
    with open_shop(postgres_url) as opened:
        yield opened


def said_to(shop: OpenShop, workspace: Workspace, customer: str) -> list[OutboxStatus]:
    key = key_of(workspace.number, read_customer(customer))
    return [each.status for each in shop.do(shop.front.reads.messages(key, before=None, limit=50))]


@pytest.mark.parametrize(
    "script",
    [(Fault.BROKEN, Fault.CUT_AFTER), (Fault.BUSY, Fault.CUT_IN_ANSWER), (Fault.CUT_BEFORE, Fault.SILENCE_AFTER)],
    ids=["broken and cut", "busy and half an answer", "cut and silence"],
)
def test_one_message_is_sent_once_through_everything_that_a_network_does(shop: OpenShop, script: tuple[Fault, ...]) -> None:
    workspace = shop.workspace()
    with faulty_front(shop.address, script, hang=1.0) as front, Client(workspace.secret_key, front.host) as client:
        sent = client.send(basis="contract", patience=PATIENCE, **NOTICE)
    assert list(front.script) == []
    assert len(set(front.bodies)) == 1, "what is tried again is the same to the byte"
    assert sent.message.startswith("msg_")
    assert sent.again
    assert said_to(shop, workspace, sent.customer) == [OutboxStatus.PENDING]


def test_a_program_that_died_asks_again_under_its_key_and_sends_nothing_more(shop: OpenShop) -> None:
    workspace = shop.workspace()
    answers = []
    for _ in range(2):
        with Client(workspace.secret_key, shop.address) as client:
            answers.append(client.send(basis="contract", key="order-1001", expires_in=timedelta(hours=1), **NOTICE))
    first, again = answers
    assert (first.again, again.again) == (False, True)
    assert (first.message, first.expires_at, first.key) == (again.message, again.expires_at, "order-1001")
    assert first.expires_at - first.at == timedelta(hours=1)
    assert said_to(shop, workspace, first.customer) == [OutboxStatus.PENDING]
    with Client(workspace.secret_key, shop.address) as client, pytest.raises(Refused) as reused:
        client.send(basis="contract", key="order-1001", **{**NOTICE, "text": "Sale hoy."})
    assert (reused.value.code, reused.value.status) == ("idempotency_key_reused", 422)


def test_an_address_that_does_not_work_is_told_as_a_silence_with_its_reason(shop: OpenShop) -> None:
    workspace = shop.workspace()
    front = shop.front
    with Client(workspace.secret_key, shop.address) as client:
        sent = client.send(basis="contract", **NOTICE)
        registry = Registry(store=front.store, reads=front.reads, programmes=front.programmes)
        key = key_of(workspace.number, read_customer(sent.customer))
        shop.do(registry.suppress_channel(key, "email", "hard_bounce", actor="shop", proof={}))
        with pytest.raises(Silent) as silent:
            client.send(basis="contract", **NOTICE)
    assert (silent.value.code, silent.value.status) == ("message_silent", 409)
    assert silent.value.reason is not None
    assert (silent.value.reason.refusal, silent.value.message[:4]) == ("suppressed", "msg_")


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"basis": "contract", "html": object()}, "value_unwritable"),
        ({"basis": "contract", "bcc": "x"}, "argument_unknown"),
        ({"basis": "contract", "key": "ñ"}, "key_malformed"),
    ],
)
def test_what_cannot_be_sent_is_refused_where_it_is_asked_for(shop: OpenShop, more: dict[str, Any], code: str) -> None:
    with Client("sk_any", shop.address) as client, pytest.raises(CallMalformed) as refused:
        client.send(**NOTICE, **more)
    assert refused.value.code == code


def test_without_an_answer_it_says_that_nobody_knows() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with Client("sk_any", nobody) as client, pytest.raises(GaveUp):
            client.send(basis="contract", patience=0.0, **NOTICE)
        with Client("sk_any", nobody) as client, pytest.raises(GaveUp):
            client.decide("ana", patience=0.0)


@pytest.mark.parametrize("language", ["en", "es"])
def test_the_guide_s_example_runs_as_it_stands(shop: OpenShop, language: str, capsys: pytest.CaptureFixture[str]) -> None:
    workspace = shop.workspace()
    page = (DOCS / ("" if language == "en" else language) / "how-to" / "send-a-transactional-message.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    text = example.replace("https://avisos.tiendanorte.example", shop.address).replace("sk_…", workspace.secret_key)
    exec(compile(text, page[:20], "exec"), {})  # noqa: S102 - our own page
    assert capsys.readouterr().out.startswith("msg_")


def test_what_would_be_said_is_asked_in_types_and_changes_nothing(shop: OpenShop) -> None:
    workspace = shop.workspace()
    with faulty_front(shop.address, [Fault.BROKEN]) as front, Client(workspace.secret_key, front.host) as client:
        sent = client.send(basis="contract", **NOTICE)
        found = client.decide(sent.customer)
        assert (found.decided, found.customer, found.verdicts, found.waiting) == ("nothing", sent.customer, (), ())
        with pytest.raises(Refused) as unknown:
            client.decide(sent.customer, journey="none", items=["p1"])
    assert unknown.value.code == "journey_unknown"
    assert len(said_to(shop, workspace, sent.customer)) == 1
