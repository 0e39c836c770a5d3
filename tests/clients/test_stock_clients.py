"""Clients that nobody here wrote, unchanged but for the host: through everything a network does, each event arrives once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from typing import NamedTuple

import pytest
from faulty_front import HANG_SECONDS, Fault, Front, faulty_front
from open_shop import OpenShop, Stored, Workspace, open_shop
from stock_npm import PROGRAMS, errors_of, start
from stock_python import LIBRARIES, Heard, all_sent, quiet_libraries, tell, until_sent

pytestmark = pytest.mark.postgres

LOOKS = 24
SCRIPT = (
    Fault.BUSY, None, Fault.BROKEN, None, Fault.CUT_BEFORE, None, Fault.CUT_AFTER, None, Fault.SILENCE_AFTER, None, Fault.CUT_IN_ANSWER,
)  # fmt: skip
"""A batch is tried again at once or after a pause; either way the next fault is another batch's."""
HANGS = {"@rudderstack/rudder-sdk-node": 1.0}
"""Seconds after which silence ends in a reset, as it does at a gateway: this library waits for ever, or loses what it waited for."""
EVERYBODY = sorted([*LIBRARIES, *PROGRAMS])
CALLS = Counter({"identify": 1, "track": LOOKS, "page": 1, "screen": 1, "group": 1, "alias": 1})


class Told(NamedTuple):
    """What became of one library's story."""

    front: Front
    workspace: Workspace
    stored: list[Stored]
    rejects: list[str]
    errors: list[object]


@pytest.fixture(scope="module")
def shop(postgres_url: str) -> Iterator[OpenShop]:
    with open_shop(postgres_url) as opened:
        yield opened


@pytest.fixture(scope="module")
def told(shop: OpenShop) -> dict[str, Told]:
    """Let every library tell its story at the same time: most of it is waiting for pauses that they chose."""
    quiet_libraries()
    found: dict[str, Told] = {}
    with ExitStack() as fronts:
        running = []
        for name, library in LIBRARIES.items():
            workspace, heard = shop.workspace(), Heard()
            front = fronts.enter_context(faulty_front(shop.address, SCRIPT))
            client = library(workspace.write_key, front.host, heard)
            tell(client, LOOKS)
            running.append((name, until_sent(client), front, workspace, heard))
        programs = []
        for name in PROGRAMS:
            workspace = shop.workspace()
            front = fronts.enter_context(faulty_front(shop.address, SCRIPT, hang=HANGS.get(name, HANG_SECONDS)))
            programs.append((name, start(name, front.host, workspace.write_key, LOOKS), front, workspace))
        all_sent([thread for _, thread, *_ in running])
        for name, _, front, workspace, heard in running:
            found[name] = Told(front, workspace, shop.stored(workspace), shop.rejects(workspace), heard.errors)
        for name, process, front, workspace in programs:
            errors = errors_of(process)
            found[name] = Told(front, workspace, shop.stored(workspace), shop.rejects(workspace), errors)
    return found


@pytest.mark.parametrize("library", EVERYBODY)
def test_each_event_arrives_once_through_everything_that_a_network_does(told: dict[str, Told], library: str) -> None:
    story = told[library]
    assert list(story.front.script) == [], "not every fault came"
    assert story.errors == []
    assert Counter(each.call for each in story.stored) == CALLS
    ids = Counter(each.body["messageId"] for each in story.stored)
    assert set(ids.values()) == {1}
    assert sorted(each.body["properties"]["product_id"] for each in story.stored if each.call == "track") == sorted(
        f"p{number}" for number in range(LOOKS)
    )
    assert story.rejects == []


@pytest.mark.parametrize("library", EVERYBODY)
def test_the_collector_had_some_of_it_twice(told: dict[str, Told], library: str) -> None:
    """Or else the story above proves nothing."""
    sent = Counter(told[library].front.statuses)
    assert sent[200] > len(CALLS)
    assert set(sent) == {200}
