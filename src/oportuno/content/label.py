"""The words of the sewn label and of the foot, in Spanish and English: the same on every message of every shop."""

from __future__ import annotations

from typing import Final

WORDS: Final[dict[str, dict[str, str]]] = {
    "es": {
        "lead": "Por qué te llega:",
        "bought": "Ya lo compré",
        "not_interested": "No me interesa",
        "why": "Ver por qué",
        "unsubscribe": "Darte de baja",
        "privacy": "Aviso de privacidad",
    },
    "en": {
        "lead": "Why you get this:",
        "bought": "I already bought it",
        "not_interested": "Not interested",
        "why": "See why",
        "unsubscribe": "Unsubscribe",
        "privacy": "Privacy notice",
    },
}


def words(language: str) -> dict[str, str]:
    """Give the words in a language; English where we have none."""
    return WORDS.get(language, WORDS["en"])
