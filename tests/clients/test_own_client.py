"""Our own client for Python: typed, patient, and never silent about what it could not deliver."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import textwrap
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from faulty_front import Fault, faulty_front
from open_shop import PATIENCE, OpenShop, Workspace, open_shop

from oportuno.client import (
    CallMalformed,
    Client,
    ClientClosed,
    ClientFault,
    GaveUp,
    ItemTooLarge,
    QueueFull,
    Refused,
    Rejected,
    Unreachable,
    WhenFull,
)

pytestmark = pytest.mark.postgres

SCRIPT = (
    Fault.BUSY, None, Fault.BROKEN, None, Fault.CUT_BEFORE, None, Fault.CUT_AFTER, Fault.CUT_IN_ANSWER, None, Fault.SILENCE_AFTER,
)  # fmt: skip
"""Each to another batch, but two: pauses grow with every attempt at the same one."""


class Heard:
    """What the client says through its `on_error`."""

    def __init__(self) -> None:
        self.faults: list[tuple[ClientFault, list[str]]] = []
        self.something = threading.Event()

    def __call__(self, fault: ClientFault, items: Any) -> None:
        self.faults.append((fault, list(items)))
        self.something.set()

    @property
    def codes(self) -> list[str]:
        return [fault.code for fault, _ in self.faults]


@pytest.fixture(scope="module")
def shop(postgres_url: str) -> Iterator[OpenShop]:
    with open_shop(postgres_url) as opened:
        yield opened


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def nobody() -> Iterator[str]:
    """Give an address that answers nobody: the port is taken, and nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


def names(shop: OpenShop, workspace: Workspace) -> list[str]:
    return [each.name for each in shop.stored(workspace)]


def test_each_event_arrives_once_and_in_order_through_everything_that_a_network_does(shop: OpenShop, heard: Heard) -> None:
    workspace = shop.workspace()
    with (
        faulty_front(shop.address, SCRIPT, hang=1.0) as front,
        Client(workspace.write_key, front.host, on_error=heard, batch_items=5) as client,
    ):
        told = [client.track(f"Step {number}", {"n": number}, user_id="ana") for number in range(30)]
        assert client.flush(PATIENCE)
    assert list(front.script) == []
    assert heard.faults == []
    stored = shop.stored(workspace)
    assert [each.body["messageId"] for each in stored] == told
    assert [each.name for each in stored] == [f"Step {number}" for number in range(30)]
    assert Counter(front.statuses)[200] > 3, "the server had some of it twice"


def test_every_call_becomes_the_event_of_its_name(shop: OpenShop, heard: Heard) -> None:
    workspace = shop.workspace()
    at = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
    with Client(workspace.write_key, shop.address, on_error=heard) as client:
        client.identify({"email": "ana@example.com"}, user_id="ana", anonymous_id="device-1", context={"locale": "es-ES"})
        client.track("Product Viewed", {"product_id": "p1", "price": 79.95}, user_id="ana", timestamp=at, message_id="look-1")
        client.page("Botas", {"path": "/botas"}, category="Tienda", anonymous_id="dora")
        client.screen("Cesta", user_id="ana")
        client.group("club", {"since": at}, user_id="ana")
        client.alias("old-ana", user_id="ana")
    assert heard.faults == []
    stored = shop.stored(workspace)
    assert [each.call for each in stored] == ["identify", "track", "page", "screen", "group", "alias"]
    assert stored[1].body["timestamp"] == "2026-11-01T12:00:00Z"
    assert stored[1].body["messageId"] == "look-1"
    assert (stored[2].name, stored[2].body["category"], stored[2].body["anonymousId"]) == ("Botas", "Tienda", "dora")
    assert stored[0].body["context"]["locale"] == "es-ES"
    assert {each.body["context"]["library"]["name"] for each in stored} == {"oportuno-python"}


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda client: client.track("Cart Viewed"), "customer_missing"),
        (lambda client: client.track(" ", user_id="ana"), "name_missing"),
        (lambda client: client.track("x" * 201, user_id="ana"), "name_too_long"),
        (lambda client: client.track("Cart Viewed", user_id="a" * 201), "id_too_long"),
        (lambda client: client.track("Cart Viewed", user_id=7), "id_malformed"),
        (lambda client: client.track("Cart Viewed", {"what": object()}, user_id="ana"), "value_unwritable"),
        (lambda client: client.track("Cart Viewed", {"what": "\ud800"}, user_id="ana"), "value_unwritable"),
        (lambda client: client.track("Cart Viewed", user_id="ana", timestamp=datetime(2026, 1, 1)), "timestamp_naive"),  # noqa: DTZ001 - the fault
        (lambda client: client.track("Cart Viewed", user_id="ana", when="now"), "argument_unknown"),
        (lambda client: client.page("x" * 201, user_id="ana"), "name_too_long"),
    ],
)
def test_a_call_that_cannot_be_an_event_is_refused_where_it_is_made(nobody: str, call: Any, code: str) -> None:
    with Client("wk_any", nobody) as client, pytest.raises(CallMalformed) as refused:
        call(client)
    assert refused.value.code == code


def test_a_call_of_more_than_32_kb_is_refused_by_name_and_the_others_go(shop: OpenShop, heard: Heard) -> None:
    workspace = shop.workspace()
    with Client(workspace.write_key, shop.address, on_error=heard) as client:
        client.track("Before", user_id="ana")
        with pytest.raises(ItemTooLarge):
            client.track("Novel", {"text": "x" * 33_000}, user_id="ana")
        client.track("After", user_id="ana")
    assert names(shop, workspace) == ["Before", "After"]


def test_large_batches_are_cut_before_the_server_would_refuse_them(shop: OpenShop, heard: Heard) -> None:
    workspace = shop.workspace()
    with faulty_front(shop.address, ()) as front, Client(workspace.write_key, front.host, on_error=heard, compress=False) as client:
        for number in range(40):
            client.track(f"Step {number}", {"text": "x" * 30_000}, user_id="ana")
        assert client.flush(PATIENCE)
    assert heard.faults == []
    assert len(shop.stored(workspace)) == 40
    assert max(map(len, front.bodies)) <= 500 * 1024
    assert set(front.statuses) == {200}


def test_a_wrong_key_is_told_at_once_with_the_calls_that_it_cost(shop: OpenShop, heard: Heard) -> None:
    with Client("wk_guess", shop.address, on_error=heard) as client:
        told = [client.track("Cart Viewed", user_id="ana") for _ in range(3)]
        assert client.flush(PATIENCE)
    ((fault, lost),) = heard.faults
    assert isinstance(fault, Refused)
    assert (fault.code, fault.status, lost) == ("key_unknown", 401, told)


def test_without_an_answer_it_gives_up_after_its_patience_and_says_so(nobody: str, heard: Heard) -> None:
    with Client("wk_any", nobody, on_error=heard, patience=0.0) as client:
        told = client.track("Cart Viewed", user_id="ana")
        assert client.flush(PATIENCE)
    ((fault, lost),) = heard.faults
    assert isinstance(fault, GaveUp)
    assert (fault.code, lost) == ("gave_up", [told])


def test_what_waits_at_the_end_is_told_when_there_is_no_time_left(nobody: str, heard: Heard) -> None:
    client = Client("wk_any", nobody, on_error=heard)
    told = [client.track("Cart Viewed", user_id="ana") for _ in range(3)]
    assert not client.close(timeout=0)
    assert heard.codes == ["client_closed"]
    assert heard.faults[0][1] == told
    with pytest.raises(ClientClosed):
        client.track("Cart Viewed", user_id="ana")
    assert client.close()


@pytest.mark.parametrize(("when_full", "gone"), [(WhenFull.DROP_OLDEST, ["m-1", "m-2"]), (WhenFull.DROP_NEWEST, ["m-4", "m-5"])])
def test_a_full_queue_lets_go_of_what_was_agreed_and_says_so(nobody: str, heard: Heard, when_full: WhenFull, gone: list[str]) -> None:
    with faulty_front(nobody, [Fault.SILENCE_BEFORE] * 9, hang=2.0) as front:
        client = Client("wk_any", front.host, on_error=heard, queue_ceiling=3, batch_items=1, when_full=when_full, timeout=PATIENCE)
        client.track("In hand", user_id="ana", message_id="m-0")
        assert front.came.wait(PATIENCE)
        for number in range(1, 6):
            client.track("Waits", user_id="ana", message_id=f"m-{number}")
        assert all(isinstance(fault, QueueFull) for fault, _ in heard.faults)
        assert [each for _, lost in heard.faults for each in lost] == gone
        client.close(timeout=0)


def test_who_would_rather_wait_waits_for_room_and_loses_nothing(shop: OpenShop, heard: Heard) -> None:
    workspace = shop.workspace()
    with Client(
        workspace.write_key, shop.address, on_error=heard, queue_ceiling=2, batch_items=2, linger=0.0, when_full=WhenFull.WAIT
    ) as client:
        for number in range(20):
            client.track(f"Step {number}", user_id="ana")
    assert heard.faults == []
    assert names(shop, workspace) == [f"Step {number}" for number in range(20)]


def test_a_fault_in_on_error_stops_nothing(shop: OpenShop) -> None:
    workspace = shop.workspace()

    def clumsy(_fault: ClientFault, _items: Any) -> None:
        raise ZeroDivisionError

    with (
        faulty_front(shop.address, [Fault.GONE]) as front,
        Client(workspace.write_key, front.host, on_error=clumsy, batch_items=1) as client,
    ):
        client.track("Lost", user_id="ana")
        client.track("Kept", user_id="ana")
        assert client.flush(PATIENCE)
    assert names(shop, workspace) == ["Kept"]


PROGRAM = """
import os, sys
from oportuno.client import Client

client = Client(sys.argv[1], sys.argv[2])
client.track("Told by the parent", user_id="ana", message_id="parent-1")
child = os.fork()
client.track("Told by the child" if child == 0 else "Told by the parent again", user_id="ana")
if child == 0:
    sys.exit()  # leaves as a program does: what waits is sent
assert os.waitpid(child, 0)[1] == 0
"""


def test_what_waits_is_sent_when_the_program_ends_and_a_fork_sends_only_its_own(shop: OpenShop) -> None:
    workspace = shop.workspace()
    with faulty_front(shop.address, ()) as front:
        done = subprocess.run(
            [sys.executable, "-W", "ignore::DeprecationWarning", "-c", textwrap.dedent(PROGRAM), workspace.write_key, front.host],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )
    assert (done.returncode, done.stderr) == (0, "")
    assert Counter(names(shop, workspace)) == {"Told by the parent": 1, "Told by the child": 1, "Told by the parent again": 1}
    sent = b"".join(front.bodies)
    assert sent.count(b"parent-1") == 1, "the child sent what was the parent's"


def test_a_rejected_item_in_a_thanked_batch_is_found_mended_and_replayed(shop: OpenShop, heard: Heard) -> None:
    workspace = shop.workspace()
    with Client(workspace.secret_key, shop.address, on_error=heard) as client:
        client.track("Cart Viewed", user_id="ana")
        client.identify({"email": "bruno@example.com"}, user_id="bruno", context={"oportuno": {"source": "import"}})
        assert client.flush(PATIENCE)
    assert heard.faults == []
    with Client(workspace.write_key, shop.address, on_error=heard) as client:
        bad = client.identify({"email": "carla@example.com"}, user_id="carla", context={"oportuno": {"source": "import"}})
        assert client.flush(PATIENCE)
    ((fault, lost),) = heard.faults
    assert isinstance(fault, Rejected)
    assert (fault.code, lost) == ("import_not_allowed", [bad])
    with Client(workspace.secret_key, shop.address) as client:
        (reject,) = client.rejects()
        assert (reject.code, reject.replayed) == ("import_not_allowed", False)
        mended = json.loads(reject.raw)
        del mended["context"]["oportuno"]
        replayed = client.replay(reject.reject, mended)
        assert (replayed.stored, replayed.code) == (1, "")
        assert [each.replayed for each in client.rejects()] == [True]
        assert client.customer("carla").customer.startswith("cus_")


def test_who_asks_is_told_in_types_and_a_refusal_has_its_code(nobody: str, shop: OpenShop) -> None:
    workspace = shop.workspace()
    with Client(workspace.secret_key, shop.address) as client:
        for who in ("ana", "ana/es"):
            client.identify({"email": "ana@example.com"}, user_id=who)
        assert client.flush(PATIENCE)
        assert {client.customer(who).status for who in ("ana", "ana/es")} == {"active"}
        assert list(client.verdicts("ana")) == []
        with pytest.raises(Refused) as unknown:
            client.customer("nobody")
    assert (unknown.value.code, unknown.value.status) == ("customer_unknown", 404)
    with Client(workspace.write_key, shop.address) as client, pytest.raises(Refused) as forbidden:
        client.customer("ana")
    assert forbidden.value.status in {401, 403}
    with Client("sk_any", nobody) as client, pytest.raises(Unreachable):
        client.customer("ana")


@pytest.mark.parametrize(
    ("key", "host", "code"), [("", "http://x", "key_missing"), ("wk_ñ", "http://x", "key_missing"), ("wk", "x", "host_malformed")]
)
def test_a_key_or_host_that_cannot_be_one_is_refused_at_once(key: str, host: str, code: str) -> None:
    with pytest.raises(CallMalformed) as refused:
        Client(key, host)
    assert refused.value.code == code
