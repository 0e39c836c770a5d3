"""What is said to people who keep an installation, in both languages side by side."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

Language: TypeAlias = Literal["en", "es"]


class Words(NamedTuple):
    """A sentence."""

    en: str
    es: str

    def told(self, language: str) -> str:
        """Give it in a language; any but Spanish is answered in English."""
        return self.es if language.startswith("es") else self.en
