"""The client itself: what a program calls."""

from __future__ import annotations

import atexit
import logging
import os
import uuid
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from types import TracebackType
from typing import Any, Final, Self, TypeAlias, TypeVar, Unpack
from urllib.parse import quote

import msgspec

from oportuno.client.asking import ask_until
from oportuno.client.calls import TEXT_CEILING, Common, Item, named, write_call
from oportuno.client.faults import CallMalformed, ClientFault, Refused
from oportuno.client.retrying import refusal
from oportuno.client.sender import Sender, Terms, WhenFull
from oportuno.client.sending import KEY, Basis, Letter, Sent, checked_key, sent_from, write_letter
from oportuno.client.shown import Customer, Reject, Replayed, Verdict, Would
from oportuno.client.wire import Answer, Wire

OnError: TypeAlias = Callable[[ClientFault, Sequence[str]], None]
"""Told a fault and the message ids that it concerns (none, when the server did not say which)."""
Shown = TypeVar("Shown", bound=msgspec.Struct)

_log = logging.getLogger("oportuno.client")
_PAGE: Final = 100
_OK: Final = range(200, 300)


class _Page(msgspec.Struct):
    items: list[msgspec.Raw]
    next: str | None = None


class Client:
    """Tells Oportuno what happens in a shop, and asks it what it decided.

    Calls that tell (`identify`, `track`, `page`, `screen`, `group`, `alias`) return at once with the message id; a thread sends them in
    batches and tries again for as long as `patience`, always with the same message id and timestamp, so that each counts once. What is
    not delivered in the end is told to `on_error`; nothing is lost in silence. When the program ends, what waits is sent.

    Calls that ask (`customer`, `verdicts`, `decide`, `rejects`, `replay`) need the secret key and wait for the answer. They raise Refused,
    whose code the reference explains, or Unreachable. `send` sends one transactional message, once however often it has to be tried.

    Threads may share a client. After a fork the child begins with an empty queue of its own.
    """

    def __init__(
        self,
        key: str,
        host: str,
        *,
        on_error: OnError | None = None,
        when_full: WhenFull = WhenFull.DROP_OLDEST,
        queue_ceiling: int = 10_000,
        batch_items: int = 100,
        linger: float = 0.5,
        timeout: float = 15.0,
        patience: float = 12 * 3600.0,
        compress: bool = True,
        exit_patience: float = 10.0,
    ) -> None:
        """Open a client; nothing is sent yet.

        `key`: the write key, which may tell, or the secret key, which may tell and ask. `host`: the server's address. `on_error` is called
        in whichever thread notices the fault; without one, faults are logged by their code. `queue_ceiling` calls wait at most, and
        `when_full` says what happens then. A batch waits `linger` seconds for more, up to `batch_items`. `timeout`: seconds for one
        request. `exit_patience`: seconds that the end of the program waits for what is not yet sent.

        Raises CallMalformed when key or host cannot be one.
        """
        if queue_ceiling < 1 or batch_items < 1:
            raise CallMalformed("size_malformed", "queue_ceiling and batch_items are at least 1", place="queue_ceiling")
        self._library = {"name": "oportuno-python", "version": _version()}
        self._on_error = on_error
        self._exit_patience = exit_patience
        label = f"oportuno-python/{self._library['version']}"
        self._wire = Wire(key, host, library=label, timeout=timeout, compress=compress)
        terms = Terms(when_full=WhenFull(when_full), queue_ceiling=queue_ceiling, batch_items=batch_items, linger=linger, patience=patience)
        self._sender = Sender(self._wire, terms, self._report)
        atexit.register(self.close)
        anew = weakref.WeakMethod(self._wire.after_fork), weakref.WeakMethod(self._sender.after_fork)
        os.register_at_fork(after_in_child=lambda: [begin() for method in anew if (begin := method())])

    # ── what happened ───────────────────────────────────────────────────────────────────────────────────────────────

    def identify(self, traits: Mapping[str, Any] | None = None, **common: Unpack[Common]) -> str:
        """Tell who somebody is. Raises, as all that tell: CallMalformed, ItemTooLarge, ClientClosed."""
        return self._tell("identify", {"traits": dict(traits or {})}, common)

    def track(self, event: str, properties: Mapping[str, Any] | None = None, **common: Unpack[Common]) -> str:
        """Tell that something happened: one of the reference's event names, or one of your own."""
        return self._tell("track", {"event": named("event", event), "properties": dict(properties or {})}, common)

    def page(self, name: str = "", properties: Mapping[str, Any] | None = None, *, category: str = "", **common: Unpack[Common]) -> str:
        """Tell that a page was looked at."""
        return self._tell("page", _viewed(name, properties, category), common)

    def screen(self, name: str = "", properties: Mapping[str, Any] | None = None, *, category: str = "", **common: Unpack[Common]) -> str:
        """Tell that a screen of an app was looked at."""
        return self._tell("screen", _viewed(name, properties, category), common)

    def group(self, group_id: str, traits: Mapping[str, Any] | None = None, **common: Unpack[Common]) -> str:
        """Tell that somebody belongs to a group."""
        return self._tell("group", {"groupId": named("group_id", group_id), "traits": dict(traits or {})}, common)

    def alias(self, previous_id: str, **common: Unpack[Common]) -> str:
        """Tell that a former id and this one mean the same person."""
        return self._tell("alias", {"previousId": named("previous_id", previous_id)}, common)

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until everything told so far is delivered or given up; False when `timeout` seconds were not enough."""
        return self._sender.flush(timeout)

    def close(self, timeout: float | None = None) -> bool:
        """Send what waits, for at most `timeout` seconds (`exit_patience` when not given), and end. Says whether all was settled.

        What is left is told to `on_error`. Closing twice does nothing.
        """
        atexit.unregister(self.close)
        done = self._sender.close(self._exit_patience if timeout is None else timeout)
        if done:
            self._wire.close()
        return done

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    # ── what was decided (secret key) ───────────────────────────────────────────────────────────────────────────────

    def customer(self, any_id: str) -> Customer:
        """Give a customer by any of their ids. Raises Refused (`customer_unknown`, 404; `customer_erased`, 410), Unreachable."""
        return self._shown("GET", "/api/v1/customers", Customer, query={"id": any_id})

    def verdicts(self, any_id: str) -> Iterator[Verdict]:
        """Give what was decided about a customer, newest first, page by page as it is read."""
        found = self.customer(any_id).customer if "/" in any_id else any_id  # in a path a slash is no part of an id
        return self._paged(f"/api/v1/customers/{quote(found, safe='')}/verdicts", Verdict)

    def rejects(self) -> Iterator[Reject]:
        """Give the items that could not become events, newest first."""
        return self._paged("/api/v1/rejects", Reject)

    def replay(self, reject: str, item: Mapping[str, Any] | None = None) -> Replayed:
        """Take a reject in again, as old news: it fills the profile and starts nothing. `item` is the call as it should have been."""
        body = None if item is None else msgspec.json.encode({"item": item})
        return self._shown("POST", f"/api/v1/rejects/{quote(reject, safe='')}/replay", Replayed, body=body)

    def decide(self, any_id: str, *, journey: str = "", items: Sequence[str] = (), patience: float = 30.0) -> Would:
        """Ask what would be said to a customer now, and why, or which silence. It changes nothing.

        `journey`: what that one would say if its first word were due now; `items`: only what is about one of these products; with neither,
        whatever is due at this moment. Tried for `patience` seconds. Raises Refused, GaveUp.
        """
        asked = {"customer": any_id, "items": list(items)} | ({"journey": journey} if journey else {})
        answer = ask_until(self._wire, "/api/v1/decide", msgspec.json.encode(asked), headers={}, patience=patience)
        return _read(answer, Would)

    # ── one message (secret key) ────────────────────────────────────────────────────────────────────────────────────

    def send(
        self,
        template: str = "",
        data: Mapping[str, Any] | None = None,
        *,
        basis: Basis,
        key: str = "",
        expires_in: timedelta | None = None,
        patience: float = 60.0,
        **letter: Unpack[Letter],
    ) -> Sent:
        """Send one transactional message, once, and wait until the server has written it down.

        Whom: one of `customer`, `user_id`, `anonymous_id`, `email`. What: a published message of purpose service with its `data`, or
        `subject` with `html` or `text`. `key` names the request: take what names its occasion, and a crashed program can ask again;
        without one it is drawn by chance. It is tried for `patience` seconds, always under the same key, so that it is sent once.

        Raises Silent (it is not sent, and why), Refused, GaveUp (nobody knows: ask again under the same key), CallMalformed.
        """
        name = checked_key(key) if key else str(uuid.uuid4())
        body = write_letter(template, data or {}, basis, letter, expires_in)
        return sent_from(ask_until(self._wire, "/api/v1/messages", body, headers={KEY: name}, patience=patience), name)

    # ── inside ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _tell(self, kind: str, own: Mapping[str, Any], common: Common) -> str:
        item = write_call(kind, own, common, library=self._library, now=datetime.now(UTC), chance=str(uuid.uuid4()))
        self._sender.put(item)
        return item.message_id

    def _report(self, fault: ClientFault, items: Sequence[Item]) -> None:
        try:
            if self._on_error is not None:
                self._on_error(fault, [item.message_id for item in items])
            else:
                _log.warning("%s: %s (%d calls)", fault.code, fault.sentence, len(items))
        except Exception:  # noqa: BLE001 - a fault of the program's own must not stop what is still to be sent
            _log.exception("on_error failed")

    def _shown(
        self, method: str, path: str, kind: type[Shown], *, query: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Shown:
        headers = {} if body is None else {"content-type": "application/json"}
        return _read(self._wire.ask(method, path, query=query, body=body, headers=headers), kind)

    def _paged(self, path: str, kind: type[Shown]) -> Iterator[Shown]:
        query = {"limit": str(_PAGE)}
        while True:
            page = self._shown("GET", path, _Page, query=query)
            for each in page.items:
                yield msgspec.json.decode(each, type=kind)
            if page.next is None:
                return
            query["cursor"] = page.next


def _read(answer: Answer, kind: type[Shown]) -> Shown:
    if answer.status not in _OK:
        raise refusal(answer.status, answer.body)
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise Refused("answer_unknown", "the answer is not of a server of this release", status=answer.status) from fault


def _viewed(name: str, properties: Mapping[str, Any] | None, category: str) -> dict[str, Any]:
    told: dict[str, Any] = {"properties": dict(properties or {})}
    fields: dict[str, object] = {"name": name, "category": category}
    for field, given in fields.items():
        if not isinstance(given, str) or len(given) > TEXT_CEILING:
            raise CallMalformed("name_too_long", f"{field} is a text of at most {TEXT_CEILING} characters", place=field)
        if given:
            told[field] = given
    return told


def _version() -> str:
    try:
        return version("oportuno")
    except PackageNotFoundError:
        return "0"
