"""What stands on each page: the facts of one message and one customer, in words."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response

from oportuno.consent.answers import Answered
from oportuno.consent.wishes import Cadence
from oportuno.content.because import because_line, because_points, not_used
from oportuno.content.formats import Form, day_text, list_text, locale_for, moment_text, money_text
from oportuno.content.links import Action, with_token
from oportuno.content.said import Said
from oportuno.content.shop_links import hosts_of, with_shop
from oportuno.entry.http.pages.page import page, web
from oportuno.entry.http.pages.visit import Visit
from oportuno.entry.http.pages.words import topic_name
from oportuno.flows.answer import CartLine, Scope, Standing, Verb
from oportuno.flows.change import Heard
from oportuno.flows.confirm import asking
from oportuno.kit.times import Millis

_NAMES_SHOWN = 4


async def why(visit: Visit) -> Response:
    """Why it came: the sentence, what it went by, what was not used, and the two equal doors."""
    words = visit.setting.words
    record = await visit.pages.desk.message(visit.facts)
    standing = await visit.pages.desk.standing(visit.facts)
    message, said = record.message, record.message.said
    form = await _form(visit, standing)
    facts: dict[str, Any] = {"now": visit.now, "zone": form.zone, "locale": standing.locale or None}
    points = because_points(said.because, form.language, **facts)
    if standing.agreed_at and message.marketing:
        points.append(words["agreed"].format(when=day_text(standing.agreed_at, form)))
    sent = words["sent" if said.channel == "email" else "sent_other"]
    data = {
        "here": _here(visit),
        "picture": _picture(visit, said),
        "subject": words["join_subject"] if said.confirms else _things(said, form.language) or topic_name(said.topic, form.language),
        "sent": sent.format(when=moment_text(record.handed_at, form)) if record.handed_at else words["not_sent"],
        "because": because_line(said.because, form.language, **facts),
        "items": list(said.items),
        "answered": _answered(visit, standing, form),
        "points": points,
        "unused": not_used(said.because, form.language),
        "measured": _measured(visit, standing) if said.channel == "email" else [],
        "leave": _link(visit, Action.UNSUBSCRIBE) if message.marketing else "",
    }
    return page("why", words["why_title"], data, visit.setting)


def _measured(visit: Visit, standing: Standing) -> list[str]:
    words = visit.setting.words
    told = {"yes": "measured", "no_more": "measured_no_more"}.get(standing.measured, "measured_not")
    return [words[told], words["measured_opening"]]


async def confirm(visit: Visit, verb: Verb) -> Response:
    """The page a tap in the mail leads to: it asks before anything changes."""
    words = visit.setting.words
    said = (await visit.pages.desk.message(visit.facts)).message.said
    standing = await visit.pages.desk.standing(visit.facts)
    form = await _form(visit, standing)
    names = _names(said)
    question = words[f"confirm_{verb}"]
    if len(names) == 1 and len(said.items) == 1:
        question = words[f"confirm_{verb}_one"].format(thing=names[0])
    data = {
        "question": question,
        "verb": verb.value,
        "here": _here(visit),
        "picture": _picture(visit, said),
        "things": _things(said, form.language),
        "answered": _answered(visit, standing, form),
        "why": _link(visit, Action.WHY),
    }
    return page("confirm", question, data, visit.setting)


async def said_of_items(visit: Visit, heard: Heard) -> Response:
    """Done: what was said about the items, what was dropped, and how to take it back."""
    words = visit.setting.words
    dropped = words["done_many"].format(count=heard.dropped) if heard.dropped > 1 else words["done_one"] if heard.dropped else ""
    data = {
        "title": words["done_title"],
        "said": [line for line in (dropped, words["done_thanks"]) if line],
        "undo": _undo(visit, heard.number),
        "undo_words": words["undo"],
        "onward": _shop(visit),
        "onward_words": words["to_shop"],
    }
    return page("done", words["done_title"], data, visit.setting)


async def leave(visit: Visit) -> Response:
    """Leaving: everything with one button, or only this. Whoever has left already is told since when."""
    words = visit.setting.words
    standing = await visit.pages.desk.standing(visit.facts)
    if standing.left_at:
        return await _gone(visit, standing, standing.left_at, words["left_channel"])
    said = (await visit.pages.desk.message(visit.facts)).message.said
    topic = topic_name(said.topic, visit.setting.language)
    data = {
        "here": _here(visit),
        "email": standing.email,
        "topic": topic,
        "topic_help": words["leave_topic_help"].format(topic=topic),
        "topic_button": words["leave_topic_button"].format(topic=topic),
    }
    return page("leave", words["leave_title"], data, visit.setting)


async def left(visit: Visit, scope: Scope, heard: Heard) -> Response:
    """Done: left, and how to take it back."""
    words = visit.setting.words
    standing = await visit.pages.desk.standing(visit.facts)
    if scope is not Scope.TOPIC:
        return await _gone(visit, standing, heard.at, words["left_all" if scope is Scope.ALL else "left_channel"], heard)
    said = (await visit.pages.desk.message(visit.facts)).message.said
    title = words["left_topic_title"].format(topic=topic_name(said.topic, visit.setting.language))
    data = {
        "title": title,
        "said": [words["left_topic"]],
        "undo": "",
        "undo_words": words["undo"],
        "onward": _shop(visit),
        "onward_words": words["to_shop"],
    }
    return page("done", title, data, visit.setting)


async def _gone(visit: Visit, standing: Standing, since: Millis, told: str, heard: Heard | None = None) -> Response:
    words = visit.setting.words
    when = moment_text(since, await _form(visit, standing))
    how = words["left_since_click" if standing.left_by == "one_click" else "left_since"]
    data = {
        "title": words["left_title"],
        "said": [how.format(when=when), told],
        "undo": _undo(visit, heard.number) if heard is not None and heard.changed else "",
        "undo_words": words["left_undo"],
        "onward": _shop(visit),
        "onward_words": words["to_shop"],
    }
    return page("done", words["left_title"], data, visit.setting)


def ask_undo(visit: Visit) -> Response:
    """Somebody opened an undo as a page: it asks, because opening changes nothing."""
    words = visit.setting.words
    data = {
        "title": words["undo_ask"],
        "said": [words["opening_nothing"]],
        "undo": _here(visit),
        "undo_words": words["undo"],
        "onward": _shop(visit),
        "onward_words": words["to_shop"],
    }
    return page("done", words["undo_ask"], data, visit.setting)


def undone(visit: Visit, heard: Heard) -> Response:
    """Taken back."""
    words = visit.setting.words
    data = {
        "title": words["undone_title"],
        "said": [words["undone" if heard.changed else "undone_nothing"]],
        "undo": "",
        "undo_words": "",
        "onward": _shop(visit),
        "onward_words": words["to_shop"],
    }
    return page("done", words["undone_title"], data, visit.setting)


async def join(visit: Visit) -> Response:
    """Double opt-in: was it really they who asked? Two equal doors; whoever has answered already is told so."""
    words = visit.setting.words
    stands = await asking(visit.pages.desk, visit.facts)
    if stands.state == Answered.GRANTED:
        return await joined(visit, stands.at)
    if stands.state != Answered.PENDING:
        return _nothing_to_confirm(visit, stands.state)
    said = words["join"].split("{email}")
    data = {
        "here": _here(visit),
        "before": said[0].format(shop=_name(visit)),
        "email": stands.email,
        "after": said[1],
        "cadence": words[f"join_{stands.cadence}"] if stands.cadence in set(Cadence) else "",
    }
    return page("join", words["join_title"], data, visit.setting)


async def joined(visit: Visit, since: Millis) -> Response:
    """Confirmed, and how to stop."""
    words = visit.setting.words
    standing = await visit.pages.desk.standing(visit.facts)
    when = moment_text(since, await _form(visit, standing))
    return _told(visit, words["joined_title"], words["joined"].format(when=when, email=standing.email), words["joined_stop"])


def not_joined(visit: Visit) -> Response:
    """It was somebody else who asked: nothing will be sent."""
    words = visit.setting.words
    return _told(visit, words["not_joined_title"], words["not_joined"])


def _nothing_to_confirm(visit: Visit, state: str) -> Response:
    words = visit.setting.words
    told = {"denied": [words["join_over"]], "elsewhere": [words["join_elsewhere"]]}.get(state, [])
    return _told(visit, words["join_over_title"], *told)


def _told(visit: Visit, title: str, *said: str) -> Response:
    data = {
        "title": title,
        "said": list(said),
        "undo": "",
        "undo_words": "",
        "onward": _shop(visit),
        "onward_words": visit.setting.words["to_shop"],
    }
    return page("done", title, data, visit.setting)


def _name(visit: Visit) -> str:
    return visit.setting.brand.name if visit.setting.brand is not None else ""


async def cart(visit: Visit) -> Response:
    """The cart as it was left, and the truth about what is held."""
    words, brand = visit.setting.words, visit.setting.brand
    left_cart = await visit.pages.desk.cart(visit.facts)
    form = await _form(visit, await visit.pages.desk.standing(visit.facts))
    hold = words["cart_never_held"]
    if not left_cart.lines:
        hold = words["cart_empty"]
    elif left_cart.held_until:
        hold = words["cart_held" if left_cart.held else "cart_hold_over"].format(when=moment_text(left_cart.held_until, form))
    onward = with_token(brand.cart_url, visit.token) if brand is not None and web(brand.cart_url) and left_cart.lines else ""
    data = {
        "hold": hold,
        "lines": [_line(visit, line, left_cart.currency, form) for line in left_cart.lines],
        "pictures": any(_own(visit, line.image) for line in left_cart.lines),
        "total": _money(left_cart.total, left_cart.currency, form),
        "onward": onward,
    }
    return page("cart", words["cart_title"], data, visit.setting)


def _line(visit: Visit, line: CartLine, currency: str, form: Form) -> dict[str, Any]:
    words = visit.setting.words
    details = [
        line.variant,
        words["pieces"].format(count=line.quantity) if line.quantity > 1 else "",
        words["already_bought"] if line.bought else "",
    ]
    return {
        "name": line.name or line.product,
        "detail": " · ".join(detail for detail in details if detail),
        "image": _own(visit, line.image),
        "bought": line.bought,
        "price": _money(None if line.price is None else line.price * line.quantity, currency, form),
    }


def _money(minor: int | None, currency: str, form: Form) -> str:
    return "" if minor is None or not currency else money_text(minor, currency, form.locale)


async def _form(visit: Visit, standing: Standing) -> Form:
    programme = await visit.pages.desk.programmes.programme(visit.facts.workspace)
    language = visit.setting.language
    return Form(
        language=language,
        locale=locale_for(language, standing.locale or None),
        zone=standing.zone or programme.policy.timezone,
        now=visit.now,
    )


def _answered(visit: Visit, standing: Standing, form: Form) -> str:
    if not standing.verb:
        return ""
    return visit.setting.words[f"answered_{standing.verb}"].format(when=moment_text(standing.verb_at, form))


def _names(said: Said) -> list[str]:
    lines = said.context.get("lines") or ()
    names = [str(line.get("name") or "") for line in lines] or [str(name) for name in said.because.facts.get("names") or ()]
    return [name for name in names if name]


def _things(said: Said, language: str) -> str:
    return list_text(tuple(_names(said)[:_NAMES_SHOWN]), language)


def _picture(visit: Visit, said: Said) -> str:
    images = (_own(visit, str(line.get("image") or "")) for line in said.context.get("lines") or ())
    return next((image for image in images if image), "")


def _own(visit: Visit, address: str) -> str:
    """Give a picture's address if it lies with the shop: no stranger learns who looks at this page."""
    brand = visit.setting.brand
    return with_shop(address, hosts_of(msgspec.structs.asdict(brand))) if brand is not None else ""


def _here(visit: Visit) -> str:
    return f"/p/{visit.token}?lang={visit.setting.language}"


def _link(visit: Visit, action: Action) -> str:
    """Link on, with a token that lives no longer than the one the visitor came with."""
    return f"/p/{visit.pages.links.onward(visit.facts, action)}?lang={visit.setting.language}"


def _undo(visit: Visit, answer: int) -> str:
    maker, facts = visit.pages.links, visit.facts
    token = maker.token(facts.message, facts.key, Action.UNDO, visit.now, answer=answer)
    return f"/p/{token}?lang={visit.setting.language}"


def _shop(visit: Visit) -> str:
    brand = visit.setting.brand
    return web(brand.shop_url) if brand is not None else ""
