"""Where the demonstration's pages join the HTTP side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import FastAPI
from httpx2 import AsyncClient

from oportuno.entry.demo.router import assets_version, router
from oportuno.entry.demo.setting import read_setting
from oportuno.entry.demo.stage import Stage
from oportuno.kit.faults import Unavailable

if TYPE_CHECKING:
    from oportuno.wiring import Front


def mount(app: FastAPI, front: Front, folder: Path) -> None:
    """Add the pages. Raises Unavailable when nothing was prepared in the folder."""
    setting = read_setting(folder)
    if setting is None:
        raise Unavailable("demo_not_prepared", "the demonstration is not prepared: start it with “oportuno demo”", place=str(folder))
    api = AsyncClient(base_url=front.settings.public_url, headers={"Authorization": f"Bearer {setting.secret_key}"}, timeout=10)
    stage = Stage(
        setting=setting,
        reads=front.reads,
        store=front.store,
        mailbox=front.mailbox,
        programmes=front.programmes,
        catalogue=front.catalogue,
        api=api,
        version=assets_version(),
        folder=folder,
    )
    app.include_router(router(stage))
