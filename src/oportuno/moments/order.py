"""Help with what was bought."""

from __future__ import annotations

from typing import Any, Final

from oportuno.catalog.product import Facts
from oportuno.content.said import Because
from oportuno.moments.seen import Evidence, Seen
from oportuno.profile.draft import Draft
from oportuno.profile.sections import Orders

ABOUT_ORDER: Final = frozenset({"order_id", "tracking_url"})
_SHOWN: Final = 5


def order_help(draft: Draft, seen: Seen, facts: Facts) -> Evidence | None:
    """Gather what helps with an order that stands: manuals of its products, and where it is.

    None when it was cancelled or given back, or when there is nothing to help with: then a mail would only be noise. Facts: `event`, `at`
    and `about` of what set it off, `order`, `placed_at`, and the `names` of the products with help. It is about no items: buying one of
    them again, or not being interested in it any more, does not make the manual less useful.
    """
    number = str(seen.about.get("order_id") or "")
    brief = next((known for known in draft.read(Orders).recent if known.id == number and known.placed), None)
    if brief is None or brief.cancelled or brief.whole or (brief.total and brief.net <= 0):
        return None
    found = [product for product in map(facts.product, brief.products) if product is not None]
    helped = [product for product in found if product.manual_url][:_SHOWN]
    tracking = str(seen.about.get("tracking_url") or "")
    if not helped and not tracking:
        return None
    told: dict[str, Any] = {"event": seen.event, "at": seen.at, "about": seen.about, "order": number, "placed_at": brief.at}
    names = [product.name for product in helped if product.name and not product.sensitive]
    things = [{"id": product.id, "name": product.name, "url": product.manual_url, "image": product.image} for product in helped]
    return Evidence(
        because=Because(kind="order_help", facts=told | ({"names": names} if names else {}), read=("core", "orders")),
        context={"order": {"id": number, "placed_at": brief.at, "things": things, "tracking_url": tracking}},
    )
