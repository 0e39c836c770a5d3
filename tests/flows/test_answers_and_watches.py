"""What customers answer changes at once what is watched for them; an answer given after a merge is theirs under their present number."""

from __future__ import annotations

import asyncio

from customer_stage import MAKER, Stage
from oportuno.catalog.item import item_of
from oportuno.consent.answers import ANY_CHANNEL, Answered
from oportuno.content.links import Action, LinkFacts, verify
from oportuno.content.message import Message
from oportuno.flows.answer import Scope, Verb
from oportuno.flows.crossing import forwarded
from oportuno.flows.record import Given
from oportuno.flows.work import Status
from oportuno.kit.ids import CustomerKey
from oportuno.kit.times import day_of
from oportuno.profile.interest import WINDOW, Interest
from oportuno.profile.liked import Liked
from oportuno.profile.purposes import Purpose

GALERNA, FARO, BOOTS = (item_of("product", name) for name in ("galerna", "faro", "botas"))


def link(stage: Stage, message: Message, action: Action = Action.WHY, number: int = 0) -> LinkFacts:
    return verify(stage.token(message, action, answer=number), MAKER.keys, stage.now)


def watched(stage: Stage, key: CustomerKey) -> set[int]:
    return {item for bucket, workspace, item, _, customer in stage.world.tables.watch if (bucket, workspace, customer) == tuple(key)}


def withdrawal(purpose: Purpose, channel: str) -> Given:
    return Given(purpose=purpose, channel=channel, state=Answered.WITHDRAWN, source="till", notice="7", language="es", actor="staff")


def test_what_is_not_wanted_is_watched_no_more_from_that_moment_and_what_is_taken_back_is_watched_again() -> None:
    stage = Stage()
    ana = stage.ana()
    mail = stage.send(ana)
    for verb in Verb:
        stage.world.clock.now += 1
        heard = asyncio.run(stage.desk.answer_item(link(stage, mail), verb))
        assert heard.changed
        assert watched(stage, ana) == set()
        asyncio.run(stage.desk.undo(link(stage, mail, Action.UNDO, heard.number)))
        assert watched(stage, ana) == {GALERNA, FARO}


def test_whoever_withdraws_personalisation_is_watched_for_no_look_from_that_moment() -> None:
    stage = Stage()
    ana = stage.ana()
    draft = stage.draft(ana)
    interest = draft.open(Interest)
    interest.day, interest.window = day_of(stage.now), stage.now // WINDOW
    interest.products = [Liked(product="botas", points=20_000, days=[(0, 6, 300)])]
    stage.save(draft)
    mail = stage.send(ana)
    undone = asyncio.run(stage.desk.answer_item(link(stage, mail), Verb.BOUGHT))
    asyncio.run(stage.desk.undo(link(stage, mail, Action.UNDO, undone.number)))
    assert watched(stage, ana) == {GALERNA, FARO, BOOTS}
    assert asyncio.run(stage.registry.record_consent(ana, withdrawal(Purpose.PERSONALISATION, ANY_CHANNEL))).changed
    assert watched(stage, ana) == {GALERNA, FARO}


def test_after_a_merge_the_answer_on_an_old_mails_page_stands_in_the_ledger_of_whom_they_are_now() -> None:
    stage = Stage()
    dora = stage.ana()
    mail = stage.send(dora)
    ana = stage.customer(2, "ana@correo.example")
    row = stage.world.tables.customers[dora]
    row.status, row.state, row.due_at = Status.FORWARDED, forwarded(ana.customer), None
    assert asyncio.run(stage.desk.answer_item(link(stage, mail), Verb.NOT_INTERESTED)).changed
    assert asyncio.run(stage.desk.unsubscribe(link(stage, mail, Action.UNSUBSCRIBE), Scope.ALL)).changed
    assert {entry.key for entry in stage.world.tables.ledger.values()} == {ana}
