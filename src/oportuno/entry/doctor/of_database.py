"""What of the database and its disk is well."""

from __future__ import annotations

from typing import Final

from oportuno.adapters.postgres.checkup import Checkup
from oportuno.entry.doctor.finding import Finding, State, found

_MINUTE: Final = 60.0
_OLDEST: Final = 160_000
"""PostgreSQL 16."""
_NEARLY_FULL: Final = 0.8
_FAILS: Final = 10.0
"""Seconds between two clocks from which signatures and links begin to fail."""


def of_database(seen: Checkup, *, disk_used: float | None, ceiling: float) -> list[Finding]:
    """Judge the database and its disk."""
    major = seen.version // 10_000
    findings = [
        found("database", State.OK, f"PostgreSQL {major} answers", f"PostgreSQL {major} contesta")
        if seen.version >= _OLDEST
        else found(
            "database",
            State.FAILURE,
            f"PostgreSQL {major} is too old: 16 or newer is needed",
            f"PostgreSQL {major} es demasiado antiguo: hace falta el 16 o uno más nuevo",
        ),
        of_disk(disk_used, ceiling),
    ]
    if seen.unfinished:
        en = "a backup was not restored to the end: run “oportuno restore” again"
        return [
            *findings,
            found("restore", State.FAILURE, en, "una copia no se restauró hasta el final: ejecuta otra vez «oportuno restore»"),
        ]
    if seen.schema > seen.newest:
        en = f"the schema is {seen.schema}, newer than this release knows ({seen.newest}): a newer release of Oportuno wrote here, use that"
        es = f"el esquema es {seen.schema}, más nuevo que el de esta versión ({seen.newest}): aquí escribió un Oportuno más nuevo, usa ese"
        return [*findings, found("schema", State.FAILURE, en, es)]
    if seen.schema != seen.newest:
        en = f"the schema is {seen.schema or 'missing'}, this release's is {seen.newest}: run “oportuno migrate”"
        es = (
            f"el esquema {'es ' + seen.schema if seen.schema else 'falta'}, el de esta versión es {seen.newest}: ejecuta «oportuno migrate»"
        )
        return [*findings, found("schema", State.FAILURE, en, es)]
    well = found("schema", State.OK, f"the schema is {seen.schema}", f"el esquema es {seen.schema}")
    return [*findings, well, _clock(seen.clock_off), _plans(seen), *_work(seen)]


def of_disk(used: float | None, ceiling: float) -> Finding:
    """Judge the disk of our own database."""
    if used is None:
        return found(
            "disk", State.NOT_ASKED, "the database's disk is not on this machine", "el disco de la base de datos está en otra máquina"
        )
    en, es = f"{used:.0%} of the disk is used", f"está ocupado el {used * 100:.0f} % del disco"
    if used >= ceiling:
        more = (
            f": nothing more is taken in from {ceiling:.0%} on, make room",
            f": desde el {ceiling * 100:.0f} % no se recibe nada más, haz sitio",
        )
        return found("disk", State.FAILURE, en + more[0], es + more[1])
    return found("disk", State.WARNING if used >= _NEARLY_FULL else State.OK, en, es)


def _clock(off: float) -> Finding:
    if abs(off) <= 1:
        return found(
            "clock",
            State.OK,
            "this machine's clock and the database's agree",
            "el reloj de esta máquina y el de la base de datos coinciden",
        )
    en = f"this machine's clock is {abs(off):.1f} s {'ahead of' if off > 0 else 'behind'} the database's: let both keep time (NTP)"
    es = f"este reloj va {abs(off):.1f} s {'por delante' if off > 0 else 'por detrás'} del de la base de datos: ajusta los dos (NTP)"
    return found("clock", State.FAILURE if abs(off) > _FAILS else State.WARNING, en, es)


def _plans(seen: Checkup) -> Finding:
    if seen.unindexed:
        en = f"no index is used for: {', '.join(seen.unindexed)}. Run ANALYZE; if that does not help, an index is missing"
        es = f"no se usa ningún índice para: {', '.join(seen.unindexed)}. Ejecuta ANALYZE; si no basta, falta un índice"
        return found("plans", State.FAILURE, en, es)
    if seen.invalid_indexes:
        en = f"{seen.invalid_indexes} indexes are invalid: rebuild them (REINDEX)"
        return found("plans", State.FAILURE, en, f"{seen.invalid_indexes} índices no valen: rehazlos (REINDEX)")
    return found("plans", State.OK, "statements find their indexes", "las consultas encuentran sus índices")


def _work(seen: Checkup) -> list[Finding]:
    working = (
        found("engines", State.OK, f"at work: {seen.engines}", f"trabajando: {seen.engines}")
        if seen.engines
        else found("engines", State.WARNING, "none works: what comes in waits", "no trabaja ninguno: lo que llega espera")
    )
    findings = [
        working,
        _age("events", seen.unread_age, "the oldest that waits for an engine came", "el más antiguo que espera a un motor llegó hace"),
        _age("timers", seen.timer_age, "the oldest was due", "el más antiguo venció hace"),
        _age("messages", seen.message_age, "the oldest could have left", "el más antiguo pudo salir hace"),
    ]
    if seen.set_aside:
        en = f"{seen.set_aside} events could not be evaluated: see GET /api/v1/set-aside"
        findings.append(
            found("set aside", State.WARNING, en, f"{seen.set_aside} eventos no se pudieron evaluar: míralos en GET /api/v1/set-aside")
        )
    if not seen.tomorrow:
        en = "there is no place for tomorrow's events: an engine must run, it keeps house"
        es = "no hay sitio para los eventos de mañana: tiene que trabajar un motor, que lleva la casa"
        findings.append(found("partitions", State.FAILURE, en, es))
    if seen.forgetting_late:
        en = f"{seen.forgetting_late} people asked to be forgotten more than a day ago and are not yet: an engine must run"
        es = f"{seen.forgetting_late} personas pidieron el olvido hace más de un día y aún no está hecho: tiene que trabajar un motor"
        findings.append(found("erasures", State.FAILURE, en, es))
    return findings


def _age(about: str, seconds: float, en: str, es: str) -> Finding:
    if not seconds:
        return found(about, State.OK, "nothing waits", "no espera nada")
    state = State.FAILURE if seconds > 10 * _MINUTE else State.WARNING if seconds > _MINUTE else State.OK
    return found(about, state, f"{en} {seconds:.0f} s ago", f"{es} {seconds:.0f} s")
