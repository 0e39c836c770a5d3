"""The plays of the proofs: short waits, so that timers fall due while the storm lasts."""

from __future__ import annotations

from functools import cache

from oportuno.attention.ledger import Limit
from oportuno.consent.policy import Policy
from oportuno.flows.programme import Brand, Programme
from oportuno.journeys.read import read_journey
from oportuno.kit.times import DAY, HOUR

_CART = """
journey: cart
version: 1
trigger: [Product Added, Checkout Started]
filter: {field: cart.count, at_least: 1}
steps:
  - id: settle
    wait_for: [Order Completed]
    timeout: 3s
    restart_on: [Product Added]
  - id: remind
    send: cart
    channel: webhook
    purpose: marketing
    because: cart_left
    expires: 1h
    worth: 1
goal: [Order Completed]
reentry: 5s
on_publish: finish_old
"""
_SEARCH = """
journey: search
version: 1
trigger: [Products Searched]
steps:
  - id: help
    send: search
    channel: webhook
    purpose: service
    because: event_seen
    expires: 1h
reentry: always
on_publish: finish_old
"""
_NEWS = """
journey: news
version: 1
trigger: [Product Price Dropped]
steps:
  - id: tell
    send: news
    channel: webhook
    purpose: marketing
    because: event_seen
    expires: 1h
    worth: 2
reentry: always
on_publish: finish_old
"""


@cache
def programme(workspace: int) -> Programme:
    """Two plays, one promoting with a rolling limit, one serving; half of the people are under consent."""
    policy = Policy(limits=(Limit(at_most=2, per=HOUR), Limit(at_most=3, per=DAY)), quiet=(0, 0), country="ES")
    journeys = tuple(read_journey(text) for text in (_CART, _SEARCH, _NEWS))
    return Programme(
        workspace=workspace, public_id="ws_proof", version=1, policy=policy, brand=Brand(name="Tienda Norte"), journeys=journeys
    )
