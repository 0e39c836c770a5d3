"""What a browser may answer about consent, and what it may not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from oportuno.consent.answers import Answered, Consent, Consents, granted_purposes
from oportuno.consent.listen import listen, sections_of
from oportuno.events.event import Call, Event, Source
from oportuno.kit.ids import derive, key_of
from oportuno.kit.times import MINUTE
from oportuno.profile.draft import Draft
from oportuno.profile.interest import Interest
from oportuno.profile.liked import Liked
from oportuno.profile.purposes import Purpose
from oportuno.profile.sections import Cart, Traits

NOON = 1_795_260_000_000


def _hears(
    draft: Draft, *, minute: int = 0, call: Call = Call.TRACK, anonymous: str = "a-1", user: str = "", traits: Any = None, **answers: Any
) -> bool:
    consent = {"categoryPreferences": answers, "notice": "2026-11"}
    told = {"userId": user, "anonymousId": anonymous, "context": {"consent": consent} if answers else {}, "traits": traits}
    at = NOON + minute * MINUTE
    event = Event(
        key=draft.key,
        lane=1,
        seq=1,
        h=derive(minute, str(told)),
        source=Source.LIVE,
        call=call,
        name="",
        at=at,
        received=at + 1,
        body=json.dumps(told).encode(),
    )
    return listen(draft, event)


def _dora() -> Draft:
    return Draft(key_of(1, 99))


def _state(draft: Draft, place: str) -> str | None:
    answer = draft.read(Consents).answers.get(place)
    return answer.state.value if answer else None


def test_dora_says_yes_on_her_browser_and_her_looks_may_be_kept() -> None:
    dora = _dora()
    assert _hears(dora, personalisation=True, measurement=False)
    assert granted_purposes(dora, NOON) == {Purpose.SERVICE, Purpose.PERSONALISATION}
    answer = dora.read(Consents).answers["personalisation/*"]
    assert (answer.source, answer.notice, answer.at) == ("browser", "2026-11", NOON)
    assert not _hears(dora, personalisation=True, measurement=False)


def test_a_no_deletes_what_belonged_to_the_yes_and_only_that() -> None:
    dora = _dora()
    _hears(dora, personalisation=True)
    dora.granted = granted_purposes(dora, NOON)
    dora.open(Interest).products.append(Liked(product="boots"))
    dora.open(Traits)
    dora.open(Cart).currency = "EUR"
    assert _hears(dora, minute=1, personalisation=False)
    assert _state(dora, "personalisation/*") == "withdrawn"
    assert not dora.has(Interest)
    assert not dora.has(Traits)
    assert dora.has(Cart)
    assert b"boots" not in dora.encode()
    assert {Traits, Interest} <= set(sections_of(Purpose.PERSONALISATION))


@pytest.mark.parametrize("spelt", ["on_site", "onSite"])
def test_dora_may_be_spoken_to_on_the_shops_pages_only_once_she_said_so_and_until_she_takes_it_back(spelt: str) -> None:
    dora = _dora()
    assert _hears(dora, personalisation=True)
    assert Purpose.ON_SITE not in granted_purposes(dora, NOON)
    assert _hears(dora, minute=1, **{spelt: True})
    assert granted_purposes(dora, NOON) == {Purpose.SERVICE, Purpose.PERSONALISATION, Purpose.ON_SITE}
    assert _hears(dora, minute=2, **{spelt: False})
    assert _state(dora, "on_site/*") == "withdrawn"
    assert granted_purposes(dora, NOON) == {Purpose.SERVICE, Purpose.PERSONALISATION}


def test_nobody_says_yes_to_on_site_in_the_name_of_a_user_whom_nobody_vouches_for() -> None:
    dora = _dora()
    assert not _hears(dora, user="ana", on_site=True)
    assert _state(dora, "on_site/*") is None


@pytest.mark.parametrize(("first", "second"), [(True, False), (False, True)])
def test_the_last_answer_counts_in_whatever_order_they_arrive_and_at_the_same_time_the_no(*, first: bool, second: bool) -> None:
    late = _dora()
    _hears(late, minute=5, personalisation=second)
    assert not _hears(late, minute=1, personalisation=first)
    assert (_state(late, "personalisation/*") == "granted") is second
    tied = _dora()
    _hears(tied, personalisation=first)
    _hears(tied, personalisation=second)
    assert _state(tied, "personalisation/*") != "granted"


def test_the_public_key_never_says_yes_to_marketing_or_location() -> None:
    dora = _dora()
    assert not _hears(dora, marketing=True, location=True, service=False, advertising=True)
    assert dora.read(Consents).answers == {}


def test_a_wish_for_the_newsletter_is_only_a_request_and_can_be_taken_back() -> None:
    dora = _dora()
    assert _hears(dora, call=Call.IDENTIFY, traits={"marketing_consent": True})
    assert _state(dora, "marketing/email") == "pending"
    assert _hears(dora, minute=1, call=Call.IDENTIFY, traits={"marketing_consent": False})
    assert _state(dora, "marketing/email") == "denied"
    assert not _hears(dora, minute=2, traits={"marketing_consent": True}), "only identify carries wishes"


@pytest.mark.parametrize("wish", [True, False])
def test_what_ana_confirmed_by_mail_is_not_changed_from_outside(*, wish: bool) -> None:
    ana = _dora()
    ana.open(Consents).answers["marketing/email"] = Consent(state=Answered.GRANTED, at=NOON, source="customer")
    assert not _hears(ana, minute=1, call=Call.IDENTIFY, traits={"marketing_consent": wish})
    assert _state(ana, "marketing/email") == "granted"


def test_nobody_says_yes_in_anas_name_by_knowing_her_user_id_but_her_no_is_heard() -> None:
    ana = _dora()
    assert not _hears(ana, user="ana", anonymous="a-strangers-phone", personalisation=True)
    assert _state(ana, "personalisation/*") is None
    assert _hears(ana, minute=1, personalisation=True)
    assert _hears(ana, minute=2, user="ana", personalisation=False)
    assert _state(ana, "personalisation/*") == "withdrawn"


def test_the_public_key_cannot_raise_what_carla_refused_elsewhere() -> None:
    carla = _dora()
    carla.open(Consents).answers["personalisation/*"] = Consent(state=Answered.DENIED, at=NOON, source="preference_link")
    assert not _hears(carla, minute=1, personalisation=True)
    assert _state(carla, "personalisation/*") == "denied"


@pytest.mark.parametrize("answer", ["yes", 1, None, {"granted": True}])
def test_an_answer_in_an_unknown_shape_is_no_answer(answer: object) -> None:
    dora = _dora()
    assert not _hears(dora, personalisation=answer)
    assert dora.read(Consents).answers == {}


def test_an_answer_without_a_device_is_no_answer() -> None:
    assert not _hears(_dora(), anonymous="", personalisation=True)


@pytest.mark.parametrize("body", [b"{", b'{"context":{"consent":[]}}', b'{"context":"consent"}', b'{"traits":["consent"]}', b'"consent"'])
def test_a_body_that_cannot_be_read_answers_nothing(body: bytes) -> None:
    dora = _dora()
    event = Event(key=dora.key, lane=1, seq=1, h=bytes(16), source=Source.LIVE, call=Call.TRACK, name="", at=NOON, received=NOON, body=body)
    assert not listen(dora, event)
