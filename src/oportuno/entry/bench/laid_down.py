"""What the benchmark's workspace lays down: the three plays that a shop has at once, and the probe whose way out is timed."""

from __future__ import annotations

from typing import Final

POLICY: Final = """
policy:
  limits:
    - {at_most: 1000, per: 7d}
  quiet: none
  timezone: Europe/Madrid
  country: ES
  languages: [es, en]
brand:
  name: Tienda Norte
  sender: hola@tienda.example
  shop_url: https://tienda.example
"""

JOURNEYS: Final = {
    "abandoned-cart": """
journey: abandoned-cart
version: 1
trigger: [Product Added, Checkout Started]
filter: {field: cart.count, at_least: 1}
steps:
  - id: settle
    wait_for: [Order Completed]
    timeout: 30m
    restart_on: [Product Added, Product Removed, Cart Viewed, Checkout Started]
  - id: remind
    send: bench
    channel: webhook
    purpose: marketing
    because: cart_left
    expires: 24h
    worth: 1
goal: [Order Completed]
reentry: 7d
on_publish: finish_old
""",
    "browse": """
journey: browse
version: 1
trigger: [Product Viewed]
filter: {field: event.visible_seconds, at_least: 85}
steps:
  - id: settle
    wait_for: [Order Completed]
    timeout: 2h
  - id: suggest
    send: bench
    channel: webhook
    purpose: marketing
    because: event_seen
    expires: 24h
    worth: 0.5
goal: [Order Completed]
reentry: 7d
on_publish: finish_old
""",
    "after-purchase": """
journey: after-purchase
version: 1
trigger: [Order Completed]
steps:
  - id: arrive
    wait: 3d
  - id: help
    send: bench
    channel: webhook
    purpose: marketing
    because: event_seen
    expires: 24h
    worth: 0.7
reentry: always
on_publish: finish_old
""",
    "price-drop": """
journey: price-drop
version: 1
trigger: [Product Price Dropped]
filter: {field: event.drop_percent, at_least: 5}
steps:
  - id: tell
    send: bench
    channel: webhook
    purpose: marketing
    because: price_dropped
    expires: 24h
    worth: 2
goal: [Order Completed]
reentry: always
on_publish: finish_old
""",
    "probe": """
journey: probe
version: 1
trigger: [Bench Probe]
steps:
  - id: say
    send: bench
    channel: webhook
    purpose: marketing
    because: event_seen
    expires: 1h
    worth: 1
reentry: always
on_publish: finish_old
""",
}


def message(url: str) -> str:
    """Give the webhook message that goes to the sink."""
    return f"""
message: bench
version: 1
channel: webhook
purpose: marketing
url: {url}
secret: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw
"""
