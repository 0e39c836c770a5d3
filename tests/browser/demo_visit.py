"""What a visitor of the demonstration does in many stories: fills a basket, leaves an address and confirms it, follows a link."""

from __future__ import annotations

import re
import secrets

from playwright.sync_api import FrameLocator, Locator, Page, expect

ADDRESS = re.compile("tu correo|your e-mail", re.IGNORECASE)
WORDS = {
    "es": {"yes": "Sí, recordadlo", "hear": "Sí, avisadme", "confirm": "Confirma", "me": "Sí, soy yo"},
    "en": {
        "yes": "Yes, remember it",
        "hear": "Yes, tell me",
        "confirm": "Confirm",
        "me": "Yes, it’s me",
    },
}


def say_yes(page: Page, language: str) -> None:
    """Answer the browser library's own question; it goes away."""
    page.get_by_role("button", name=WORDS[language]["yes"]).click()
    expect(page.get_by_role("button", name=WORDS[language]["yes"])).to_have_count(0)


def sign_up(page: Page, demo: str, language: str) -> str:
    """Leave an address on the account's page and confirm it from the mailbox; gives the address."""
    words, address = WORDS[language], f"visita-{secrets.token_hex(4)}@example.com"
    page.goto(f"{demo}/demo/{language}/account")
    page.get_by_role("textbox", name=ADDRESS).fill(address)
    page.get_by_role("button", name=words["hear"]).click()
    expect(page.get_by_role("status").filter(has_text=address)).to_be_visible()
    page.goto(f"{demo}/demo/{language}/mail?who=me")
    page.locator(".mails a", has_text=words["confirm"]).first.click()
    asked = follow(page, page.frame_locator(".stage iframe"), re.compile(words["confirm"]))
    asked.get_by_role("button", name=words["me"]).click()
    expect(asked.get_by_role("status").first).to_be_visible()
    asked.close()
    return address


def add(page: Page, card: Locator) -> None:
    """Put one into the basket, and wait until the basket has it."""
    before = int(re.match(r"\d+", page.locator(".badge").inner_text())[0])
    card.get_by_role("button").click()
    expect(page.locator(".badge")).to_have_text(re.compile(rf"^{before + 1}\D"))


def follow(page: Page, mail: FrameLocator, link: str | re.Pattern[str]) -> Page:
    """Press a link of the mail; it opens beside the mailbox."""
    with page.expect_popup() as opened:
        mail.get_by_role("link", name=link).first.click()
    opened.value.wait_for_load_state()
    return opened.value
