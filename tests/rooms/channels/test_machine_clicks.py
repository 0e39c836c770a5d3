"""Who followed a link: a person, or a program that looks at what is behind it? In doubt nothing is started."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oportuno.channels.machine_clicks import SAME_AGAIN, SETTLES, TOO_SOON, Followed, Sign, Verdict, sign_of, verdict_on
from oportuno.kit.times import MINUTE, SECOND

HANDED = 1_795_255_200_000
OPENED = HANDED + 20 * MINUTE
CART, HOME, CARE, SHOES = b"cart", b"home", b"care", b"shoes"

IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/604.1"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0"
CUBOT = "Mozilla/5.0 (Linux; Android 13; CUBOT P80) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0 Mobile Safari/537.36"


def verdicts(*clicks: Followed) -> list[Verdict]:
    return [verdict_on(click, clicks, handed_at=HANDED) for click in clicks]


@pytest.mark.parametrize("agent", [IPHONE, FIREFOX, CUBOT])
def test_a_browser_shows_no_sign(agent: str) -> None:
    assert sign_of({"user-agent": agent}) is Sign.NONE


@pytest.mark.parametrize(
    "agent",
    [
        "",
        " ",
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Mozilla/5.0 (compatible; MSIE 9.0; Windows NT 6.1) Barracuda Sentinel (EE)",
        "WhatsApp/2.24.1",
        "facebookexternalhit/1.1",
        "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.1; Pro; ms-office; MSOffice 16)",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/131.0.0.0 Safari/537.36",
        "curl/8.5.0",
        "python-requests/2.32",
    ],
)
def test_a_program_that_says_so_or_does_not_say_who_it_is_is_a_machine(agent: str) -> None:
    assert sign_of({"user-agent": agent}) is Sign.AGENT
    assert verdicts(Followed(OPENED, CART, Sign.AGENT)) == [Verdict.MACHINE_AGENT]


@pytest.mark.parametrize(
    "header",
    [
        {"sec-purpose": "prefetch;prerender"},
        {"purpose": "prefetch"},
        {"x-moz": "prefetch"},
        {"x-purpose": "preview"},
    ],
)
def test_a_browser_that_fetches_before_anybody_pressed_is_a_machine(header: dict[str, str]) -> None:
    assert sign_of({"user-agent": IPHONE} | header) is Sign.PREFETCH
    assert verdicts(Followed(OPENED, CART, Sign.PREFETCH)) == [Verdict.MACHINE_PREFETCH]


def test_one_click_some_time_after_the_mail_is_a_persons() -> None:
    assert verdicts(Followed(OPENED, CART)) == [Verdict.PERSON]


def test_whoever_follows_a_link_before_the_mail_can_have_been_read_is_a_machine() -> None:
    assert verdicts(Followed(HANDED + TOO_SOON - 1, CART)) == [Verdict.MACHINE_TOO_SOON]
    assert verdicts(Followed(HANDED + TOO_SOON, CART)) == [Verdict.PERSON]
    assert verdict_on(Followed(HANDED, CART), [Followed(HANDED, CART)], handed_at=None) is Verdict.PERSON


def test_all_links_within_seconds_are_a_scanners_the_first_among_them_too() -> None:
    burst = [Followed(OPENED, CART), Followed(OPENED + 1_400, HOME), Followed(OPENED + 2_900, CARE)]
    assert verdicts(*burst) == [Verdict.MACHINE_BURST] * 3


def test_two_different_links_within_a_second_are_a_scanners() -> None:
    assert verdicts(Followed(OPENED, CART), Followed(OPENED + SECOND, HOME)) == [Verdict.MACHINE_BURST] * 2


def test_a_person_who_opens_two_things_in_two_seconds_stays_one() -> None:
    assert verdicts(Followed(OPENED, CART), Followed(OPENED + 2 * SECOND, HOME)) == [Verdict.PERSON] * 2


def test_what_a_scanner_did_long_before_does_not_take_the_persons_click() -> None:
    burst = [Followed(OPENED, CART), Followed(OPENED + 300, HOME), Followed(OPENED + 600, CARE)]
    person = Followed(OPENED + 30 * SECOND, CART)
    assert verdicts(*burst, person) == [Verdict.MACHINE_BURST] * 3 + [Verdict.PERSON]


def test_a_scanner_that_names_itself_takes_nobody_else_with_it() -> None:
    scanner = [Followed(OPENED + number, link, Sign.AGENT) for number, link in enumerate((CART, HOME, CARE))]
    assert verdicts(*scanner, Followed(OPENED + 2 * SECOND, CART)) == [Verdict.MACHINE_AGENT] * 3 + [Verdict.PERSON]


def test_the_same_link_pressed_again_at_once_is_one_click_and_later_another() -> None:
    twice = [Followed(OPENED, CART), Followed(OPENED + 2 * SECOND, CART), Followed(OPENED + 3 * SECOND + SAME_AGAIN, CART)]
    assert verdicts(*twice) == [Verdict.PERSON, Verdict.AGAIN, Verdict.PERSON]


_CLICKS = st.lists(
    st.builds(
        Followed,
        st.integers(0, 4 * MINUTE).map(lambda late: HANDED + late),
        st.sampled_from((CART, HOME, CARE, SHOES)),
        st.sampled_from((Sign.NONE, Sign.NONE, Sign.NONE, Sign.AGENT, Sign.PREFETCH)),
    ),
    min_size=1,
    max_size=14,
    unique_by=lambda click: (click.at, click.link),
)


@given(_CLICKS)
def test_a_verdict_once_settled_never_changes_whatever_is_followed_later(clicks: list[Followed]) -> None:
    for click in clicks:
        by_then = [other for other in clicks if other.at <= click.at + SETTLES]
        assert verdict_on(click, by_then, handed_at=HANDED) is verdict_on(click, clicks, handed_at=HANDED)


@given(_CLICKS, st.randoms(use_true_random=False))
def test_the_order_in_which_clicks_are_told_does_not_matter(clicks: list[Followed], chance) -> None:
    told = list(clicks)
    chance.shuffle(told)
    assert {click: verdict_on(click, told, handed_at=HANDED) for click in clicks} == dict(zip(clicks, verdicts(*clicks), strict=True))


@given(_CLICKS)
def test_who_names_itself_a_machine_is_always_one(clicks: list[Followed]) -> None:
    for click in clicks:
        if click.sign:
            assert verdict_on(click, clicks, handed_at=HANDED).startswith("machine_")
