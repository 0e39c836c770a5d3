"""Opening a mail that a stranger wrote: whatever it holds, it is read within fixed bounds and nothing is raised."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.header import decode_header, make_header
from email.message import Message
from email.parser import BytesParser
from email.policy import compat32
from email.utils import getaddresses, parsedate_to_datetime
from itertools import islice
from typing import Final, TypeAlias

from selectolax.lexbor import LexborHTMLParser

from oportuno.kit.times import Millis

Letter: TypeAlias = Message
"""A mail, or a part of one."""

MOST_BYTES: Final = 1_048_576
"""What of a mail is looked at. Reports put what they say first and the returned mail last."""
_MOST_HEAD: Final = 65_536
_MOST_PARTS: Final = 60
"""Beginnings of parts in a mail: one with more is read by its headers alone, because each level costs every line a comparison."""
_MOST_LINES: Final = 20_000
"""A megabyte in lines of mail has fewer. Of each line the library asks, once a level, whether a part ends there."""
_MOST_HEADER: Final = 4_000
_MOST_TEXT: Final = 100_000
_MOST_HTML: Final = 40_000
_MOST_ADDRESSES: Final = 1_000
"""The library's reading of addresses grows with the square of what it is given."""
_BEGINS: Final = re.compile(rb"(?im)^content-type:\s*(?:multipart|message)/")
_END_OF_HEAD: Final = re.compile(rb"\r?\n\r?\n")
_LINE_ENDS: Final = re.compile(rb"\r\n|\r|\n")
_SPACES: Final = re.compile(r"\s+")
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_ADDRESS: Final = re.compile(r"[^\s<>()\[\]\\,;:\"@]{1,64}@[^\s<>()\[\]\\,;:\"@]{1,253}")


def open_letter(raw: bytes) -> Letter:
    """Read a mail. One that is too deep to be read whole has its headers only."""
    raw = _first_lines(raw[:MOST_BYTES].replace(b"\x00", b"").lstrip(b"\r\n"))
    end = _END_OF_HEAD.search(raw)
    head = raw if end is None else raw[: end.start()]
    too_deep = len(_BEGINS.findall(raw)) > _MOST_PARTS or len(head) > _MOST_HEAD
    try:
        return _headers_of(head) if too_deep else BytesParser(policy=compat32).parsebytes(raw)
    except Exception:  # noqa: BLE001 - a library's fault over hostile bytes must not keep the next mail from being read
        return Letter(policy=compat32)


def _first_lines(raw: bytes) -> bytes:
    end = next(islice(_LINE_ENDS.finditer(raw), _MOST_LINES, None), None)
    return raw if end is None else raw[: end.start()]


def _headers_of(head: bytes) -> Letter:
    return BytesParser(policy=compat32).parsebytes(head[:_MOST_HEAD], headersonly=True)


def header(letter: Letter, name: str) -> str:
    """Give a header in one line, decoded as far as that goes; empty: there is none."""
    return next(iter(headers(letter, name)), "")


def headers(letter: Letter, name: str) -> list[str]:
    """Give every occurrence of a header, at most 20."""
    try:
        found = [str(value) for key, value in letter.raw_items() if key.lower() == name]
        # Some write it in bytes of their own, which the parser keeps as they are.
        return [_decoded(value[:_MOST_HEADER].encode("ascii", "surrogateescape").decode("utf-8", "replace")) for value in found[:20]]
    except Exception:  # noqa: BLE001 - the same
        return []


def _decoded(text: str) -> str:
    if "=?" in text:
        try:
            text = str(make_header(decode_header(text)))
        except (ValueError, LookupError, TypeError):
            return one_line(text)
    return one_line(text)


def one_line(text: str) -> str:
    """Make one line of a text, without what no text holds."""
    return _SPACES.sub(" ", _CONTROLS.sub("", text)).strip()


def parts(letter: Letter) -> Iterator[Letter]:
    """Give the parts of a mail from the outside in, without what lies in mails inside it; those are given themselves."""
    waiting, given = [letter], 0
    while waiting and given < _MOST_PARTS:
        part = waiting.pop(0)
        given += 1
        yield part
        if part.is_multipart() and part.get_content_maintype() == "multipart":
            waiting.extend(inner for inner in part.get_payload() if isinstance(inner, Letter))


def text_of(part: Letter) -> str:
    """Give a part's text, whatever its encoding says; at most 100,000 characters, lines ending in a line feed."""
    try:
        # A part of reports (message/delivery-status) is read as blocks of headers: they are put together again.
        blocks = part.get_payload()
        if isinstance(blocks, list):
            text = "\n\n".join(_as_text(block) for block in blocks[:200] if isinstance(block, Letter))
            return _unpacked(text[: 2 * _MOST_TEXT], part)[:_MOST_TEXT]
        payload = part.get_payload(decode=True)
        raw = payload if isinstance(payload, bytes) else str(payload or "").encode("utf-8", "replace")
        text = _in_charset(raw[: 4 * _MOST_TEXT], part)
    except Exception:  # noqa: BLE001 - the same
        return ""
    return _CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))[:_MOST_TEXT]


def _as_text(block: Letter) -> str:
    return _CONTROLS.sub("", block.as_bytes().decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n"))


def _unpacked(text: str, part: Letter) -> str:
    """Undo an encoding that the parser does not undo in parts of reports."""
    if str(part.get("content-transfer-encoding", "")).strip().lower() not in {"base64", "quoted-printable"}:
        return text
    inner = Letter(policy=compat32)
    inner["Content-Transfer-Encoding"] = str(part["content-transfer-encoding"])
    inner.set_payload(text.strip())
    payload = inner.get_payload(decode=True)
    return payload.decode("utf-8", "replace").replace("\r\n", "\n") if isinstance(payload, bytes) else text


def _in_charset(raw: bytes, part: Letter) -> str:
    charset = part.get_content_charset("utf-8") or "utf-8"
    for name in (charset, "utf-8"):
        try:
            return raw.decode(name)
        except (LookupError, ValueError, TypeError):
            continue
    return raw.decode("latin-1")


def plain_text(letter: Letter) -> str:
    """Give what a mail says as text: its plain part, or else what its HTML says without its quoted parts; empty: neither."""
    html = ""
    for part in parts(letter):
        kind = part.get_content_type()
        if kind == "text/plain" and (said := text_of(part)).strip():
            return said
        if kind == "text/html" and not html:
            html = text_of(part)
    return text_of_html(html) if html else ""


def text_of_html(html: str) -> str:
    """Give the text of a page, without quoted mails."""
    try:
        tree = LexborHTMLParser(html[:_MOST_HTML])
        for quoted in (
            "blockquote",
            ".gmail_quote",
            ".yahoo_quoted",
            "#divRplyFwdMsg",
            "#appendonsend",
            ".moz-cite-prefix",
            "style",
            "script",
            "head",
        ):
            for node in tree.css(quoted):
                node.decompose()
        for node in tree.css("br, p, div, tr, li"):
            node.insert_before("\n")
        return tree.body.text() if tree.body is not None else ""
    except Exception:  # noqa: BLE001 - the same
        return ""


def addresses_in(letter: Letter, *names: str) -> list[str]:
    """Give the plain addresses in some headers, in order, each once."""
    found = [address for name in names for value in headers(letter, name) for _, address in getaddresses([value[:_MOST_ADDRESSES]])]
    return list(dict.fromkeys(address.strip() for address in found if _ADDRESS.fullmatch(address.strip())))


def address_in(text: str) -> str:
    """Give the first thing in a text that is an address; empty: none."""
    found = _ADDRESS.search(text[:_MOST_HEADER])
    return found[0].strip(".'") if found else ""


def written_at(text: str) -> Millis | None:
    """Read a moment as mails write it; None: it is none."""
    try:
        return int(parsedate_to_datetime(text[:200]).timestamp() * 1_000)
    except (ValueError, TypeError, OverflowError, IndexError, AttributeError):
        return None
