"""Marketing by e-mail does not start without saying who writes and from where, and without a signature in the sender's own name."""

from __future__ import annotations

import pytest

from oportuno.channels.ways import ALL_SIGNED
from oportuno.consent.house_rules import has_postal_address, held_by_house_rules

LEGAL = "Tienda Norte, S. L., calle del Muelle 3, 39004 Santander"
SENDER = "Tienda Norte <hola@tiendanorte.example>"


@pytest.mark.parametrize(
    ("legal", "sender", "signs", "refusal"),
    [
        (LEGAL, SENDER, ["tiendanorte.example"], None),
        (LEGAL, SENDER, [ALL_SIGNED], None),
        (LEGAL, SENDER, ["", "otra.example", "mail.tiendanorte.example"], None),
        ("", SENDER, ["tiendanorte.example"], "no_postal_address"),
        ("Tienda Norte, Santander", SENDER, ["tiendanorte.example"], "no_postal_address"),
        (LEGAL, SENDER, [""], "mail_unsigned"),
        (LEGAL, SENDER, [], "mail_unsigned"),
        (LEGAL, SENDER, ["otra.example"], "sender_unaligned"),
        (LEGAL, "", ["tiendanorte.example"], "sender_unaligned"),
    ],
)
def test_each_rule_has_its_own_name(legal: str, sender: str, signs: list[str], refusal: str | None) -> None:
    held = held_by_house_rules(legal=legal, sender=sender, signs=signs)
    assert (held and held.refusal.value) == refusal


def test_an_address_is_some_words_and_a_number() -> None:
    assert has_postal_address("Farmacia Sol, Plaza Mayor s/n, 37002 Salamanca")
    assert has_postal_address("Sun Ltd, 4 Hill St, Cork")
    assert not has_postal_address("Tienda Norte es una tienda inventada")
    assert not has_postal_address("B-39000000")
