"""What settles clicks, wired: it reads those that wait, and tells of a person's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from oportuno.wiring import database_url
from oportuno.wiring.hearing import hearing_back

if TYPE_CHECKING:
    from oportuno.channels.hearing import Hearing
    from oportuno.flows.click import Counted, Swept
    from oportuno.flows.hear_back import HearBack
    from oportuno.settings import Settings


@asynccontextmanager
async def settling(settings: Settings, counted: Counted = lambda _verdict: None) -> AsyncIterator[Callable[[], Awaitable[Swept]]]:
    """Give what settles all that waits; `counted` hears of each click that was.

    What tells of clicks is opened with the first one: most shops have none for hours.
    """
    from oportuno.adapters.postgres.clicks import PostgresClicks
    from oportuno.adapters.postgres.connections import CHANGING, Connections
    from oportuno.flows.click import settle_clicks
    from oportuno.flows.hear_back import hear_back

    async with AsyncExitStack() as stack:
        connections = Connections(database_url(settings), name="clicks", most=1, plans=CHANGING)
        stack.push_async_callback(connections.close)
        clicks = PostgresClicks(connections, connections)
        ears: list[HearBack] = []

        async def tell(hearing: Hearing) -> None:
            if not ears:
                ears.append(await stack.enter_async_context(hearing_back(settings)))
            await hear_back(hearing, ears[0])

        yield lambda: settle_clicks(clicks, tell, counted=counted)
