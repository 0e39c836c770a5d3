"""The messages that are the house's own: every workspace can send them, and lays down its own under the same key if it likes."""

from __future__ import annotations

from collections.abc import Sequence

from oportuno.content.template import Template
from oportuno.flows.ports import MjmlCompiler
from oportuno.flows.publish import read_template


async def house_messages(sources: Sequence[str], compiler: MjmlCompiler) -> dict[str, Template]:
    """Read the house's messages from their YAML, by key."""
    templates = [await read_template(source, compiler) for source in sources]
    return {template.key: template for template in templates}
