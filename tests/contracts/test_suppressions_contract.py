"""What every list of suppressions promises: it knows addresses by a hash, outlasts whom it silenced, and lets go of one when it is told."""

from __future__ import annotations

import pytest
from contract_world import Shop
from heard_world import ANA, OneProgramme, drafted, heard, known, list_of, sent, told

from oportuno.channels.hearing import What
from oportuno.consent.reach import Silenced, silenced
from oportuno.flows.hear_back import HeardAs
from oportuno.flows.suppressions import Keeper
from oportuno.kit.faults import BadInput, NotFound

BRUNO = "bruno@correo.example"


def keeper(shop: Shop) -> Keeper:
    return Keeper(store=shop.store, reads=shop.outside.reads, programmes=OneProgramme(), suppressions=shop.outside.suppressions)


def test_addresses_are_listed_looked_for_and_taken_off(tell):
    async def story(shop: Shop):
        suppressions = shop.outside.suppressions
        entries = [(ANA, "manual"), ("no address", "manual"), (BRUNO, "invalid"), (f" {ANA.upper()} ", "complaint")]
        assert await keeper(shop).put(shop.workspace, "email", entries, source="api", note="asked at the counter") == [1]
        page = await suppressions.suppressions(shop.workspace, before=None, limit=1)
        rest = await suppressions.suppressions(shop.workspace, before=page[0].spot, limit=10)
        assert sorted((each.reason, each.note) for each in page + rest) == [
            ("complaint", "asked at the counter"),
            ("invalid", "asked at the counter"),
        ]
        mark = suppressions.mark(shop.workspace, "email", BRUNO)
        found = await suppressions.suppression(shop.workspace, mark)
        assert found is not None
        assert (found.reason, found.source) == ("invalid", "api")
        assert await suppressions.suppression(shop.workspace + 1, mark) is None
        await keeper(shop).lift(shop.workspace, mark, why="he wrote to us", actor="secret")
        assert await list_of(shop, BRUNO) is None
        assert await list_of(shop) is not None
        with pytest.raises(NotFound, match="no such entry"):
            await keeper(shop).lift(shop.workspace, mark, why="again", actor="secret")
        with pytest.raises(BadInput) as fault:
            await keeper(shop).put(shop.workspace, "email", [(ANA, "because")], source="api")
        assert (fault.value.code, fault.value.place) == ("reason_unknown", "items[0].reason")

    tell(story)


def test_lifting_an_address_lets_its_customer_be_written_to_again_and_says_why_in_the_ledger(tell):
    async def story(shop: Shop):
        ana, suppressions = await known(shop), shop.outside.suppressions
        bounce = await told(shop, await sent(shop, ana), What.HARD_BOUNCE)
        assert await heard(shop, bounce) is HeardAs.TAKEN
        assert silenced(await drafted(shop, ana), "email", ANA) == Silenced("hard_bounce", bounce.at)
        [entry] = await suppressions.suppressions(shop.workspace, before=None, limit=10)
        assert await suppressions.silent_because(entry) == [ana]
        await keeper(shop).lift(shop.workspace, entry.mark, why="the server was mended", actor="secret")
        assert silenced(await drafted(shop, ana), "email", ANA) is None
        assert await suppressions.silent_because(entry) == []
        assert await heard(shop, bounce) is HeardAs.AGAIN
        assert silenced(await drafted(shop, ana), "email", ANA) is None

    tell(story)


def test_lifting_an_address_whose_customer_was_forgotten_takes_it_off_all_the_same(tell):
    async def story(shop: Shop):
        ana, suppressions = await known(shop), shop.outside.suppressions
        await heard(shop, await told(shop, await sent(shop, ana), What.HARD_BOUNCE))
        await shop.write(erasures=[ana])
        [entry] = await suppressions.suppressions(shop.workspace, before=None, limit=10)
        await keeper(shop).lift(shop.workspace, entry.mark, why="another person's now", actor="secret")
        assert await list_of(shop) is None

    tell(story)
