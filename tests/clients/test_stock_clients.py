"""Clients that nobody here wrote, unchanged but for the host: through everything a network does, each event arrives once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from typing import NamedTuple

import pytest
from faulty_front import HANG_SECONDS, Fault, Front, faulty_front
from open_shop import OpenShop, Stored, Workspace, open_shop
from stock_browser import LIBRARY as IN_BROWSER
from stock_browser import tell_in_browser
from stock_npm import PROGRAMS, errors_of, start
from stock_python import LIBRARIES, Heard, all_sent, quiet_libraries, tell, until_sent

from oportuno.entry.http.bodies import inflate

# They are as they are: one of them asks for the time in a way that newer Pythons warn of.
pytestmark = [pytest.mark.postgres, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

LOOKS = 24
SCRIPT = (
    Fault.BUSY, None, Fault.BROKEN, None, Fault.CUT_BEFORE, None, Fault.CUT_AFTER, None, Fault.SILENCE_AFTER, None, Fault.CUT_IN_ANSWER,
)  # fmt: skip
"""A batch is tried again at once or after a pause; either way the next fault is another batch's."""
SCRIPTS = {"@rudderstack/rudder-sdk-node": [Fault.CUT_AFTER if fault is Fault.CUT_IN_ANSWER else fault for fault in SCRIPT]}
"""An answer that breaks off is an error to this library that it does not try again; what it told has arrived all the same."""
HANGS = {"@rudderstack/rudder-sdk-node": 1.0, IN_BROWSER: 1.0}
"""Seconds after which silence ends in a reset, as it does at a gateway: these two wait for ever, or lose what they waited for."""
EVERYBODY = sorted([*LIBRARIES, *PROGRAMS, IN_BROWSER])
MESSAGE_ID = re.compile(rb'"messageId": ?"([^"]+)"')
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
            front = fronts.enter_context(faulty_front(shop.address, SCRIPTS.get(name, SCRIPT), hang=HANGS.get(name, HANG_SECONDS)))
            programs.append((name, start(name, front.host, workspace.write_key, LOOKS), front, workspace))
        found[IN_BROWSER] = _told_in_browser(shop)
        all_sent([thread for _, thread, *_ in running])
        for name, _, front, workspace, heard in running:
            found[name] = Told(front, workspace, shop.stored(workspace), shop.rejects(workspace), heard.errors)
        for name, process, front, workspace in programs:
            errors = errors_of(process)
            found[name] = Told(front, workspace, shop.stored(workspace), shop.rejects(workspace), errors)
    return found


def _told_in_browser(shop: OpenShop) -> Told:
    workspace = shop.workspace()
    with faulty_front(shop.address, SCRIPT, hang=HANGS[IN_BROWSER]) as front:

        def arrived() -> bool:
            return not front.script and len(shop.stored(workspace)) >= CALLS.total()

        strangers = tell_in_browser(front.host, workspace.write_key, LOOKS, arrived)
        return Told(front, workspace, shop.stored(workspace), shop.rejects(workspace), list(strangers))


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
    front = told[library].front
    assert set(front.statuses) == {200}
    again = Counter(each for body in front.passed_on for each in MESSAGE_ID.findall(inflate(body, b"", ceiling=10**6)))
    assert max(again.values()) > 1


@pytest.mark.parametrize("library", sorted(LIBRARIES))
def test_a_wrong_key_is_told_at_once_and_not_tried_for_a_quarter_of_an_hour(shop: OpenShop, library: str) -> None:
    quiet_libraries()
    heard = Heard()
    with faulty_front(shop.address, ()) as front:
        client = LIBRARIES[library]("wk_guess", front.host, heard)
        client.track("ana", "Product Viewed")
        all_sent([until_sent(client)])
    assert [(error.status, error.code) for error in heard.errors] == [(401, "key_unknown")]
    assert front.statuses == [401]
