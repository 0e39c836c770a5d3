"""The question whether the shop may write. A yes is real double opt-in: only the button of its mail counts."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from oportuno.entry.demo.pages import say
from oportuno.entry.demo.server_side import tell_of_basket
from oportuno.entry.demo.setting import LOCALES, ZONE
from oportuno.entry.demo.stage import PERSON_COOKIE, VISITOR_COOKIE, Stage, Visitor, form_of, go, is_email, keep, visitor_key, visitor_of
from oportuno.kit.faults import Unavailable

NOTICE = "demo-2"
"""The wording of the question, as the words of this folder have it."""


def hear_routes(stage: Stage) -> APIRouter:
    """Give the route of the question, without the prefix."""
    router = APIRouter()

    @router.post("/{language}/hear")
    async def hear(request: Request, language: str) -> Response:
        form = await form_of(request)
        email, yes = form.get("email", "").strip()[:120], form.get("answer") == "yes"
        back = form.get("back", "/cart").split("?")[0]
        if not is_email(email):
            return go(language, f"{back}?email=bad#hear")
        await _remember(stage, email, form.get("anonymous", ""), language, yes=yes)
        if not form.get("anonymous"):
            await tell_of_basket(stage, visitor_key(email), visitor_of(request, language, stage.setting).basket, language)
        response = go(language, f"{back}?email={'yes' if yes else 'no'}#hear")
        keep(response, PERSON_COOKIE, visitor_key(email))
        keep(response, VISITOR_COOKIE, f"{email}|{'yes' if yes else 'no'}")
        return response

    return router


def hear_facts(visitor: Visitor, request: Request) -> dict[str, Any]:
    """Say what the question shows: itself, an error, or what was answered; nothing to whom it was answered before."""
    language, said = visitor.language, request.query_params.get("email", "")
    done = {"yes": "hear_done_yes", "no": "hear_done_no"}.get(said) if visitor.person.email else None
    return {
        "hear": not visitor.person.email or done is not None,
        "heard": say(language, done, email=visitor.person.email) if done else "",
        "heard_mail": done == "hear_done_yes",
        "hear_error": say(language, "hear_bad") if said == "bad" else "",
        "hear_email": "",
    }


async def ask_to_confirm(stage: Stage, user: str, language: str) -> bool:
    """Have the product ask by mail whether it was really they who want to hear from the shop; says whether it was taken."""
    consent = {"purpose": "marketing", "channel": "email", "state": "pending", "source": "shop_form", "notice": NOTICE}
    proof = {"form": "hear"}
    answer = await stage.api.post(
        f"/api/v1/customers/{user}/consents", json={**consent, "language": language, "actor": "customer", "proof": proof}
    )
    return answer.is_success


async def refuse(stage: Stage, user: str, language: str, *, state: str = "denied") -> bool:
    """Record a no to being written to; says whether it was taken."""
    consent = {"purpose": "marketing", "channel": "email", "state": state, "source": "shop_form", "notice": NOTICE}
    proof = {"form": "hear"}
    answer = await stage.api.post(
        f"/api/v1/customers/{user}/consents", json={**consent, "language": language, "actor": "customer", "proof": proof}
    )
    return answer.is_success


async def _remember(stage: Stage, email: str, anonymous: str, language: str, *, yes: bool) -> None:
    """Tell the product who this is and what they answered, with the secret key, as a shop's server would.

    A yes goes with the address in one call: asked apart, the question could overtake the address to which it is to be sent.
    """
    user = visitor_key(email)
    traits: dict[str, Any] = {
        "email": email,
        "name": email.partition("@")[0][:24],
        "locale": LOCALES[language],
        "timezone": ZONE,
        "country": "ES",
    }
    if yes:
        traits["marketing_consent"] = True
    call: dict[str, Any] = {"type": "identify", "userId": user, "traits": traits}
    if anonymous:
        call["anonymousId"] = anonymous[:100]
    answer = await stage.api.post("/v1/identify", json=call)
    if not answer.is_success or not (yes or await refuse(stage, user, language)):
        raise Unavailable("not_remembered", "this could not be stored now; try again in a moment")
