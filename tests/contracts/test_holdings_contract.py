"""The contract of taking out: everything of a workspace once, whatever the size of a page, and nothing of anybody forgotten."""

from __future__ import annotations

import pytest
from contract_world import Shop, arrival, message
from test_reads_contract import verdict

from oportuno.consent.refusals import Refusal
from oportuno.flows.ports import LaneClass
from oportuno.flows.take_out import Holding, take_out


async def fill(shop: Shop) -> None:
    """Ana, Bruno and Carla each have events, a message and verdicts; two verdicts of one moment."""
    now = await shop.now()
    for number in (1, 2, 3):
        key = shop.key(number)
        await shop.save(key, 0, b"")
        await shop.write(messages=[message(key, f"m{number} {n}", now=now) for n in range(2)])
        await shop.write(decisions=[verdict(key, f"p{number} {n}", now + n // 2, Refusal.NO_CONSENT) for n in range(4)])
        await shop.intake.store([arrival(key, f"e{number}{n}", now=now) for n in range(5)], [], LaneClass.LIVE)


async def taken(shop: Shop, holding: Holding, page: int) -> list[object]:
    return [row async for row in take_out(holding, shop.workspace, shop.outside.holdings, page=page)]


def whose(row):
    return row.message.key if hasattr(row, "message") else row.key


@pytest.mark.parametrize(("holding", "each"), [("customers", 1), ("events", 5), ("messages", 2), ("verdicts", 4)])
def test_everything_is_taken_out_once_whatever_the_page_and_nothing_of_anybody_forgotten(tell, holding, each):
    async def story(shop: Shop):
        await fill(shop)
        await fill(Shop(shop.outside))
        whole = await taken(shop, Holding(holding), 500)
        assert len(whole) == 3 * each
        assert {whose(row) for row in whole} == {shop.key(number) for number in (1, 2, 3)}
        for page in (1, 2, 3):
            assert await taken(shop, Holding(holding), page) == whole
        await shop.write(erasures=[shop.key(2)])
        assert await taken(shop, Holding(holding), 2) == [row for row in whole if whose(row) != shop.key(2)]

    tell(story)
