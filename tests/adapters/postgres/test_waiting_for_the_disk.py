"""Who waits for the disk: whoever acknowledges or hands off. An engine does not, because nothing of its leaves before a claim that does."""

from __future__ import annotations

import asyncio
from typing import Any

from pydantic import SecretStr

from oportuno import wiring
from oportuno.kit.ids import key_of
from oportuno.settings import Settings
from oportuno.wiring.ways import delivery as delivering


def test_an_engine_does_not_wait_for_the_disk_and_a_claim_waits_for_both(postgres_url: str) -> None:
    async def waits(store: Any) -> str:
        async with store.work() as work:
            await work.lock([key_of(1, 1)])
            row = await (await work._connection.execute("SHOW synchronous_commit")).fetchone()
        return str(row[0])

    async def story() -> None:
        settings = Settings(database_url=SecretStr(postgres_url))
        async with wiring.engine(settings) as engine, delivering(settings) as delivery, wiring.front(settings) as front:
            assert await waits(engine.store) == "off"
            assert await waits(delivery.store) == "on"
            assert await waits(front.store) == "on"

    asyncio.run(asyncio.wait_for(story(), 60))
