"""What hearing mail providers' posts needs of the world, wired."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contextlib import AsyncExitStack

    from oportuno.flows.mail_hooks import Notary


def notary(stack: AsyncExitStack) -> Notary:
    """Give what fetches from Amazon SNS; nothing is connected before the first post of it."""
    from oportuno.adapters.sns_notary import SnsNotary
    from oportuno.adapters.system_clock import SystemClock

    found = SnsNotary(monotonic=SystemClock().monotonic)
    stack.push_async_callback(found.close)
    return found
