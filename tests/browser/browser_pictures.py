"""Pictures of the browser's stories, for a person to look at."""

from __future__ import annotations

import os
from pathlib import Path

from playwright.sync_api import Page


def keep_picture(page: Page, name: str) -> None:
    """Keep a picture where TEST_PICTURES says, to be looked at by a person. Never committed: the data's terms forbid it."""
    folder = os.environ.get("TEST_PICTURES")
    if folder:
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
