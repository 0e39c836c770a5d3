"""Messages and words for the adapters' stories."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

from oportuno.channels.channel import Window
from oportuno.content.message import Message, Rendered
from oportuno.content.said import Because, Said
from oportuno.kit.ids import dated, derive, key_of
from oportuno.kit.times import HOUR, day_of
from oportuno.profile.purposes import Purpose

NO_HURRY = Window(math.inf, math.inf)
NOW = 1_795_255_200_000
MOMENT = datetime(2026, 11, 21, 10, tzinfo=UTC)
LEAVE = "https://tienda.example/p/" + "a" * 180 + "ñandú".encode().hex()


def message(name: str = "cesta", *, channel: str = "email") -> Message:
    said = Said(
        id=dated(day_of(NOW), derive(name)),
        journey="abandoned-cart",
        version=1,
        step="send",
        template="abandoned-cart",
        channel=channel,
        purpose=Purpose.MARKETING,
        because=Because(kind="cart_left"),
        expires_at=NOW + HOUR,
    )
    return Message(id=said.id, key=key_of(7, 1), said=said, marketing=True, permitted_at=NOW, expires_at=said.expires_at)


def rendered(**changes: Any) -> Rendered:
    words: dict[str, Any] = {
        "channel": "email",
        "language": "es",
        "subject": "Tu cesta de otoño: jersey de lana merina, botas de montaña y un paraguas azul que te esperan aquí hasta el domingo",
        "html": "<p>Hola, Ana. Tu cesta te espera.</p>",
        "text": "Hola, Ana. Tu cesta te espera.\n.\n..y una línea que empieza con un punto\n",
        "headers": {
            "List-Unsubscribe": f"<{LEAVE}>, <mailto:baja@tienda.example?subject=baja>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
        "sender": "Tienda Norte, S. L. <hola@tienda.example>",
        "reply_to": "Atención al cliente <ayuda@tienda.example>",
    }
    return Rendered(**{**words, **changes})
