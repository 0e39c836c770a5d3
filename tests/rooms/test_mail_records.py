"""What a sender's domain tells in the DNS: whether receivers will believe it, and what to do where they will not."""

from __future__ import annotations

import pytest

from oportuno.channels.mail_records import judge_dkim, judge_dmarc, judge_spf


@pytest.mark.parametrize(
    ("texts", "well", "word"),
    [
        (["v=spf1 include:_spf.provider.example -all", "some-verification=1"], True, "names who"),
        (["V=SPF1 ip4:192.0.2.0/24 ~ALL"], True, "names who"),
        (["v=spf1 redirect=_spf.example"], True, "names who"),
        ([], False, "no SPF"),
        (["v=spf10 -all"], False, "no SPF"),
        (["v=spf1 -all", "v=spf1 ~all"], False, "2 SPF records"),
        (["v=spf1 +all"], False, "everybody"),
        (["v=spf1 mx all"], False, "everybody"),
        (["v=spf1 " + " ".join(f"include:s{n}.example" for n in range(11)) + " -all"], False, "11 further"),
        (["v=spf1 " + " ".join(f"ip4:192.0.2.{n}" for n in range(20)) + " -all"], True, "names who"),
        (["v=spf1 mx"], None, "no end"),
    ],
)
def test_spf(texts: list[str], well: bool | None, word: str) -> None:
    judged = judge_spf(texts)
    assert judged.well is well
    assert word in judged.says.en


@pytest.mark.parametrize(
    ("texts", "key", "well", "word"),
    [
        (["v=DKIM1; k=rsa; p=AB CD=="], "ABCD==", True, "that signs"),
        (["p=ABCD"], "", True, "publishes a key"),
        ([], "", False, "no DKIM key"),
        (["v=DKIM2; p=ABCD"], "", False, "no DKIM key"),
        (["v=DKIM1; p="], "", False, "withdrawn"),
        (["v=DKIM1; p=ABCD"], "EFGH", False, "another"),
        (["v=DKIM1; t=s:y; p=ABCD"], "ABCD", None, "trial"),
    ],
)
def test_dkim(texts: list[str], key: str, well: bool | None, word: str) -> None:
    judged = judge_dkim(texts, public_key=key)
    assert judged.well is well
    assert word in judged.says.en


@pytest.mark.parametrize(
    ("texts", "well", "word"),
    [
        (["v=DMARC1; p=reject; rua=mailto:d@example.com"], True, "reject"),
        (["v = DMARC1;p=quarantine"], True, "quarantine"),
        (["v=DMARC1; p=none"], None, "only watches"),
        (["v=DMARC1"], False, "no policy"),
        (["v=DMARC1; p=none", "v=DMARC1; p=reject"], False, "2 DMARC"),
        ([], False, "no DMARC"),
    ],
)
def test_dmarc(texts: list[str], well: bool | None, word: str) -> None:
    judged = judge_dmarc(texts)
    assert judged.well is well
    assert word in judged.says.en
