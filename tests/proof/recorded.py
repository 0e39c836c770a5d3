"""Real bounces that others recorded, read and judged: each file's label is what a person reads in it.

The files are those of two libraries' own tests, taken from their source packages when the proof is made and never kept here: flufl.bounce
(from Python's registry) and Mail::DeliveryStatus::BounceParser (from Debian's sources). `hard` is what says that the address or its domain
does not exist or was closed; `soft` what was refused for any other reason; `unclear` what gives no reason at all.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from oportuno.channels.hearing import What
from oportuno.channels.returned.read import Ours, read_mail

HARD: Final = frozenset(
    "dsn_10 dsn_12 dsn_13 dsn_14 dsn_15 dsn_16 dsn_18 exim_01 groupwise_01 groupwise_02 microsoft_01 microsoft_02 "
    "microsoft_04 postfix_01 qmail_03 qmail_04 qmail_05 simple_04 simple_05 simple_06 simple_08 simple_11 simple_12 simple_13 "
    "simple_15 simple_19 simple_23 simple_25 simple_26 simple_27 simple_29 simple_30 simple_33 simple_34 simple_36 simple_37 "
    "simple_39 simple_43 llnl_01 yale_01 smtp32_04 smtp32_06 smtp32_07 yahoo_03 yahoo_05 yahoo_06 yahoo_07 yahoo_08 yahoo_09 "
    "yahoo_10 yahoo_11 yahoo_13 aol.unknown badrcptto cam-unknown comcast-via-sendmail.unknown cox-via-sendmail.unknown "
    "deactivated-mailbox doesnotexist doesnotexist2 domino.unknown exchange.unknown generic-postfix-via-sendmail.unknown "
    "gmail-via-sendmail.unknown hotmail-via-sendmail.unknown msn-via-sendmail.unknown mailbox-unknown me-user-unknown "
    "no-such-domain nomailbox non-autoreply novell-with-rhs polish-unknown postfix-host-unknown postfix-smtp-550 "
    "qmail.unknown rcpt-dne sendmail-host-unknown user-unknown-bad user-unknown-disabled user-unknown-dne "
    "user-unknown-not-active user-unknown-not user-unknown-polish warning-1 warning-2 warning-3 warning-5 yahoo-user-unknown "
    "yahoo-via-sendmail.unknown".split()
)
DELAYED: Final = frozenset(
    "dsn_05 dsn_06 dsn_07 dsn_08 dsn_17 simple_03 simple_21 simple_22 simple_28 simple_35 simple_40 warning-8".split()
)
AUTOMATIC: Final = frozenset("qmail_08 aol-vacation autoreply polish-autoreply warning-6 bluebottle".split())
NO_BOUNCE: Final = frozenset("groupwise_03 spam-bogus-email-in-report spam-with-image".split())
UNCLEAR: Final = frozenset(
    "bounce_02 bounce_03 caiwireless_01 microsoft_03 qmail_01 simple_01 simple_02 simple_10 simple_16 simple_17 simple_20 "
    "simple_24 simple_31 simple_41 sina_01 smtp32_03 smtp32_05 yahoo_12 iis-multiple-bounce no-message-collected".split()
)
"""Everything else was read and is soft."""

_DEBIAN: Final = "libmail-deliverystatus-bounceparser-perl"
_PYTHON: Final = "flufl.bounce==6.0.0"


@dataclass
class Recorded:
    """What was read, and how it was judged."""

    read: int = 0
    sources: dict[str, int] = field(default_factory=dict)
    table: dict[str, dict[str, int]] = field(default_factory=dict)
    """label → verdict → files."""
    hard_of_soft: int = 0
    """Soft refusals, delays, answers and unclear ones that were taken for hard."""
    hard_missed: float = 0.0
    """Share of the hard ones that were not taken for hard: those addresses are written to again."""
    delayed_missed: float = 0.0
    automatic_missed: float = 0.0
    library_temporary_called_hard: int = 0
    """Files that flufl.bounce's own tests call temporary and we hard."""
    parser_other_called_hard: int = 0
    """Files whose reason is, by BounceParser's own tests, another than an unknown user or domain, and which we call hard."""
    disagreed: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def judge_recorded(cache: Path) -> Recorded:
    """Fetch both sets, read every file as mail that came back, and hold what was understood against its label."""
    done = Recorded()
    library, parser = _flufl(cache), _bounceparser(cache)
    files = {path.stem: path for path in [*library.glob("tests/data/*.txt"), *parser.glob("t/corpus/*.msg")]}
    done.sources = {_PYTHON: len(list(library.glob("tests/data/*.txt"))), parser.name: len(list(parser.glob("t/corpus/*.msg")))}
    missing = (HARD | DELAYED | AUTOMATIC | NO_BOUNCE | UNCLEAR) - files.keys()
    if missing:
        done.faults.append(f"labelled and not there: {sorted(missing)}")
    ours = Ours(secrets=(b"k" * 32,), unsubscribing=lambda _token: None)
    verdicts = {name: read_mail(path.read_bytes(), recipient="", at=1_800_000_000_000, ours=ours).what for name, path in files.items()}
    counted = Counter((label_of(name), verdict.value) for name, verdict in verdicts.items())
    done.read = len(verdicts)
    done.table = {
        label: {verdict: count for (of, verdict), count in sorted(counted.items()) if of == label}
        for label in sorted({of for of, _ in counted})
    }
    hard = {name for name, verdict in verdicts.items() if verdict is What.HARD_BOUNCE}
    done.hard_of_soft = len(hard - HARD)
    done.hard_missed = _share(HARD - hard, HARD)
    done.delayed_missed = _share({name for name in DELAYED if verdicts.get(name) is not What.DELAYED}, DELAYED)
    done.automatic_missed = _share({name for name in AUTOMATIC if verdicts.get(name) is not What.AUTO_REPLY}, AUTOMATIC)
    done.disagreed = sorted(
        f"{name}: {label_of(name)}, called {verdicts[name].value}" for name in verdicts if _disagree(name, verdicts[name])
    )
    temporary, other = _flufls_own(library), _parsers_own(parser)
    done.library_temporary_called_hard = len(hard & temporary)
    done.parser_other_called_hard = len(hard & other)
    if done.hard_of_soft:
        done.faults.append(f"called hard and are not: {sorted(hard - HARD)}")
    return done


def label_of(name: str) -> str:
    """Say what a person reads in a file."""
    for label, names in (("hard", HARD), ("delayed", DELAYED), ("automatic", AUTOMATIC), ("no bounce", NO_BOUNCE), ("unclear", UNCLEAR)):
        if name in names:
            return label
    return "soft"


def _disagree(name: str, verdict: What) -> bool:
    right = {"hard": What.HARD_BOUNCE, "soft": What.SOFT_BOUNCE, "delayed": What.DELAYED, "automatic": What.AUTO_REPLY}
    return label_of(name) in right and verdict is not right[label_of(name)]


def _share(some: set[str] | frozenset[str], of: frozenset[str]) -> float:
    return round(len(some) / len(of), 4)


def _flufls_own(library: Path) -> set[str]:
    """Files whose detector, by the library's own tests, sees a temporary failure."""
    rows = re.findall(r"'(\w+)\.txt',\s*\[[^\]]*\],\s*(True|False)", (library / "tests" / "test_detectors.py").read_text())
    return {name for name, temporary in rows if temporary == "True"}


def _parsers_own(parser: Path) -> set[str]:
    """Files whose standard reason, by the parser's own tests, is something else than an unknown user or domain."""
    text = "\n".join(path.read_text(errors="replace") for path in (parser / "t").glob("*.t"))
    rows = re.findall(r"'t/corpus/([^']+)\.msg'(?:(?!check_report).)*?std_reason\s*=>\s*'(\w+)'", text, re.DOTALL)
    return {name for name, reason in rows if reason not in {"user_unknown", "domain_error", "user_disabled"}}


def _flufl(cache: Path) -> Path:
    folder = cache / "flufl_bounce-6.0.0"
    if not folder.exists():
        with tempfile.TemporaryDirectory() as fetched:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", "--dest", fetched, _PYTHON]
            subprocess.run(command, check=True, timeout=600)
            _unpack(next(Path(fetched).glob("*.tar.gz")), cache)
    return folder


def _bounceparser(cache: Path) -> Path:
    found = next(iter(cache.glob("Mail-DeliveryStatus-BounceParser-*")), None)
    if found is None:
        with tempfile.TemporaryDirectory() as fetched:
            _debian_source(Path(fetched))
            _unpack(next(Path(fetched).glob("*.orig.tar.*")), cache)
        found = next(cache.glob("Mail-DeliveryStatus-BounceParser-*"))
    return found


def _debian_source(folder: Path) -> None:
    """Fetch a source package with apt and lists of its own, from where this machine takes its packages."""
    for name in ("parts", "lists/partial"):
        (folder / name).mkdir(parents=True)
    for path in Path("/etc/apt/sources.list.d").glob("*.sources"):
        (folder / "parts" / path.name).write_text(re.sub(r"(?m)^Types:.*$", "Types: deb-src", path.read_text()))
    lines = [path.read_text() for path in (Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("*.list")) if path.exists()]
    (folder / "parts" / "one.list").write_text("".join(re.sub(r"(?m)^deb ", "deb-src ", text) for text in lines))
    options = {
        "APT::Sandbox::User": "root",
        "Dir::Etc::sourcelist": "/dev/null",
        "Dir::Etc::sourceparts": str(folder / "parts"),
        "Dir::State::lists": str(folder / "lists"),
    }
    apt = ["apt-get", "-qq", *(word for key, value in options.items() for word in ("-o", f"{key}={value}"))]
    subprocess.run([*apt, "update"], check=True, cwd=folder, timeout=600, env=os.environ)
    subprocess.run([*apt, "source", "--tar-only", _DEBIAN], check=True, cwd=folder, timeout=600, env=os.environ)


def _unpack(archive: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive) as opened:
        opened.extractall(folder, filter="data")
