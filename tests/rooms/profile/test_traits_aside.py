"""RudderStack's libraries tell who somebody is in the call's context, and nowhere else."""

from __future__ import annotations

import json

import pytest
from story_of_ana import MORNING, Ana

from oportuno.consent.answers import Consents
from oportuno.consent.listen import listen
from oportuno.events.event import Call, Event, Source
from oportuno.kit.ids import key_of
from oportuno.profile.draft import Draft
from oportuno.profile.sections import Core


def _email(ana: Ana) -> object:
    register = ana.draft.read(Core).traits.get("email")
    return register.value if register else None


def test_who_somebody_is_may_stand_in_the_context() -> None:
    ana = Ana()
    noticed = ana.tells({"userId": "ana", "context": {"traits": {"email": "ana@example.com"}}}, call=Call.IDENTIFY)
    assert (_email(ana), noticed.faults) == ("ana@example.com", ())


def test_what_stands_beside_the_context_comes_first() -> None:
    ana = Ana()
    told = {"userId": "ana", "traits": {"email": "ana@example.com"}, "context": {"traits": {"email": "old@example.com"}}}
    ana.tells(told, call=Call.IDENTIFY)
    assert _email(ana) == "ana@example.com"


def test_of_another_call_the_contexts_traits_are_nobodys_news() -> None:
    ana = Ana()
    ana.tells({"userId": "ana", "context": {"traits": {"email": "ana@example.com"}}}, name="Cart Viewed")
    assert _email(ana) is None


@pytest.mark.parametrize("misshapen", ["Ana", ["Ana"], 7, True])
def test_traits_in_the_context_that_are_no_object_are_named(misshapen: object) -> None:
    ana = Ana()
    noticed = ana.tells({"userId": "ana", "context": {"traits": misshapen}}, call=Call.IDENTIFY)
    assert noticed.faults == ("object_expected:context.traits",)


def test_a_call_with_another_part_misshapen_still_says_who_it_is() -> None:
    ana = Ana()
    noticed = ana.tells({"userId": "ana", "properties": 7, "context": {"traits": {"email": "ana@example.com"}}}, call=Call.IDENTIFY)
    assert (_email(ana), noticed.faults) == ("ana@example.com", ("object_expected:properties",))


def test_who_asks_for_mail_there_is_asked_to_confirm() -> None:
    told = {"userId": "ana", "context": {"traits": {"email": "ana@example.com", "marketing_consent": True}}}
    draft = Draft(key_of(1, 1))
    event = Event(
        key=draft.key,
        lane=1,
        seq=1,
        h=bytes(16),
        source=Source.LIVE,
        call=Call.IDENTIFY,
        name="",
        at=MORNING,
        received=MORNING,
        body=json.dumps(told).encode(),
    )
    assert listen(draft, event)
    assert draft.read(Consents).answers["marketing/email"].state.value == "pending"
