"""Two customers who turn out to be one: nothing of either is lost, and whoever comes for the one reaches the other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from merge_world import WORKSPACE, Norte

from oportuno.content.said import Because
from oportuno.decision.pending import Held, Pending
from oportuno.flows.crossing import Stage
from oportuno.flows.undo import undo
from oportuno.flows.work import Status
from oportuno.kit.times import DAY, HOUR
from oportuno.moments.proposal import Proposal
from oportuno.profile.draft import Draft
from oportuno.profile.purposes import Purpose
from oportuno.profile.sections import Core


def tell(story: Callable[[Norte], Awaitable[None]]) -> None:
    async def whole() -> None:
        await story(Norte())

    asyncio.run(asyncio.wait_for(whole(), 300))


def test_what_both_did_counts_for_the_winner_and_the_loser_only_forwards() -> None:
    async def story(norte: Norte) -> None:
        await norte.looks("boots", userId="ana")
        await norte.looks("tent", anonymousId="tablet")
        await norte.work()
        ana, tablet = await norte.who("ana"), await norte.who(anonymous="tablet")
        merge = await norte.ask(tablet, ana)
        await norte.work()

        assert norte.world.tables.customers[tablet].status is Status.FORWARDED
        assert norte.draft(ana).read(Core).events == 2
        assert await norte.who(anonymous="tablet") == ana
        assert (await norte.world.crossings.merge(7, merge.id)).stage is Stage.DONE
        await norte.looks("lamp", anonymousId="tablet")
        await norte.work()
        assert norte.draft(ana).read(Core).events == 3

    tell(story)


def test_an_event_that_was_stored_under_the_old_customer_reaches_the_new_one() -> None:
    async def story(norte: Norte) -> None:
        await norte.looks("boots", userId="ana")
        await norte.looks("tent", anonymousId="tablet")
        await norte.work()
        ana, tablet = await norte.who("ana"), await norte.who(anonymous="tablet")
        await norte.ask(tablet, ana)
        await norte.looks("lamp", anonymousId="tablet")
        await norte.work()
        assert norte.draft(ana).read(Core).events == 3
        assert not [posted for posted in norte.world.tables.crossed.inbox.values() if posted.kind < 2]

    tell(story)


def test_two_merges_in_a_ring_leave_somebody_standing() -> None:
    async def story(norte: Norte) -> None:
        keys = []
        for name in ("ana", "bruno", "carla"):
            await norte.looks("boots", userId=name)
            keys.append(await norte.who(name))
        await norte.work()
        for loser, winner in zip(keys, keys[1:] + keys[:1], strict=True):
            await norte.ask(loser, winner)
        await norte.work()
        standing = [key for key in keys if norte.world.tables.customers[key].status is Status.ACTIVE]
        assert len(standing) == 1
        assert norte.draft(standing[0]).read(Core).events == 3
        stages = sorted(row.merge.stage for row in norte.world.tables.crossed.merges.values())
        assert stages == [Stage.DONE, Stage.DONE, Stage.REFUSED]

    tell(story)


def test_a_service_proposal_that_waits_goes_over_and_comes_back_to_nobody() -> None:
    async def story(norte: Norte) -> None:
        await norte.looks("boots", userId="ana")
        await norte.looks("tent", anonymousId="tablet")
        await norte.work()
        ana, tablet = await norte.who("ana"), await norte.who(anonymous="tablet")
        proposal = Proposal(
            id=b"p" * 16, journey="order", version=1, step="tell", template="order", channel="email", purpose=Purpose.SERVICE,
            because=Because(kind="order_placed"), expires_at=norte.world.clock.now + DAY, made_at=norte.world.clock.now,
        )  # fmt: skip
        row = norte.world.tables.customers[tablet]
        draft = Draft(tablet, row.state, row.version)
        draft.open(Pending).held = [Held(proposal=proposal, retry_at=norte.world.clock.now + HOUR)]
        row.state = draft.encode()
        merge = await norte.ask(tablet, ana)
        await norte.work()
        assert [held.proposal.id for held in norte.draft(ana).read(Pending).held] == [proposal.id]
        assert norte.world.tables.customers[ana].due_at == norte.world.clock.now + HOUR
        world = norte.world
        await undo(WORKSPACE, merge.id, crossings=world.crossings, store=world.store, programmes=world.programmes)
        assert [held.proposal.id for held in norte.draft(ana).read(Pending).held] == [proposal.id]
        assert norte.draft(tablet).read(Pending).held == []

    tell(story)
