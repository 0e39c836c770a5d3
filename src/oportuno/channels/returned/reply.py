"""What a person wrote back, without the mail that they answered."""

from __future__ import annotations

import re
from typing import Final

from oportuno.channels.returned.letter import Letter, plain_text

_MOST: Final = 10_000
_INTRODUCES: Final = re.compile(
    r"^\s*(?:"
    r"(?:on|el|le|am|il|em|op)\b.{4,200}(?:wrote|escribi[oó]|a\s+[eé]crit|schrieb.*|ha\s+scritto|escreveu|schreef.*)\s*:?\s*"
    r"|-{2,}\s*(?:original\s+message|mensaje\s+original|forwarded\s+message|mensaje\s+reenviado|message\s+d'origine|urspr[uü]ngliche\s+nachricht)\s*-{2,}"
    r"|_{20,}"
    r"|.{0,120}<[^<>\s]+@[^<>\s]+>\s*(?:wrote|escribi[oó])\s*:?"
    r")\s*$",
    re.IGNORECASE,
)
_HEAD: Final = re.compile(r"^\s*\*?(?:from|de|von)\s*:\*?\s*\S", re.IGNORECASE)
_HEAD_GOES_ON: Final = re.compile(r"^\s*\*?(?:sent|enviado|date|fecha|to|para|gesendet|subject|asunto)\s*(?:el)?\s*:\*?", re.IGNORECASE)
_SIGNATURE: Final = re.compile(
    r"^(?:--\s?|(?:sent\s+from\s+my|enviado\s+desde\s+mi|get\s+outlook\s+for|obtener\s+outlook\s+para).{0,60})$", re.IGNORECASE
)


def words_of(letter: Letter) -> str:
    """Give what was written, at most 10,000 characters: neither what is quoted nor the signature."""
    return without_quotes(plain_text(letter))


def without_quotes(text: str) -> str:
    """Cut a mail's text where the answered mail or the signature begins; quoted lines in between are left out."""
    lines = [line.rstrip() for line in text[: 4 * _MOST].split("\n")]
    kept: list[str] = []
    for place, line in enumerate(lines):
        # An introduction may be broken over two lines.
        if _INTRODUCES.match(line) or (place + 1 < len(lines) and len(line) < 200 and _INTRODUCES.match(f"{line} {lines[place + 1]}")):  # noqa: PLR2004 - a line as mail programs break it
            break
        if _SIGNATURE.match(line) or (_HEAD.match(line) and any(_HEAD_GOES_ON.match(more) for more in lines[place + 1 : place + 4])):
            break
        if not line.lstrip().startswith(">"):
            kept.append(line)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip()[:_MOST]
