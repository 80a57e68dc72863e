"""Serve the charts of a conversation to the person it belongs to, and to nobody else."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from fastapi import APIRouter
from fastapi.responses import FileResponse

from app.auth.web import Browser
from chat_ui.history import FILES_PATH, LocalFiles
from core.errors import UnknownName

if TYPE_CHECKING:
    from chainlit.data.base import BaseDataLayer

# What the chat itself makes; anything else is offered as a download only.
_SHOWN = {".json": "application/json", "": "application/json"}


def files_router(history: BaseDataLayer, files: LocalFiles) -> APIRouter:
    """Return the route of the files; their keys start with the id of the chat user they belong to."""
    router = APIRouter(include_in_schema=False)

    @router.get(FILES_PATH + "/{object_key:path}")
    async def read_file(browser: Browser, object_key: str) -> FileResponse:
        user = await history.get_user(browser.principal.name)
        path = files.path_of(object_key)
        if user is None or path is None or not object_key.startswith(f"{user.id}/") or not os.path.isfile(path):
            raise UnknownName("file", object_key)
        shown = _SHOWN.get(path.suffix)
        return FileResponse(
            path,
            media_type=shown or "application/octet-stream",
            filename=None if shown else path.name,
            headers={"Cache-Control": "private, max-age=86400"},
        )

    return router
