"""Keep conversations in PostgreSQL and their charts on disk, so that both survive a restart."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import quote

from chainlit.data.sql_alchemy import SQLAlchemyDataLayer
from chainlit.data.storage_clients.base import BaseStorageClient

FILES_PATH = "/chat-files"


class LocalFiles(BaseStorageClient):
    """Keep the files of messages below one folder; they are read back through `/chat-files`, by their owner only."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def path_of(self, object_key: str) -> Path | None:
        """Return the file of a key, or None for a key that leaves the folder or names its file in a roundabout way.

        A key begins with the id of its owner, so `owner/../other/file` must not pass for one of the owner's.
        """
        try:
            path = (self._folder / object_key).resolve()
        except (OSError, ValueError, RuntimeError):
            return None
        return path if path != self._folder and path == self._folder / object_key and _is_direct(object_key) else None

    async def upload_file(
        self,
        object_key: str,
        data: bytes | str,
        mime: str = "application/octet-stream",
        overwrite: bool = True,
        content_disposition: str | None = None,
    ) -> dict[str, Any]:
        """Write a file whole and return its key and address; an empty answer means refused."""
        path = self.path_of(object_key)
        if path is None or (path.exists() and not overwrite):
            return {}
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data.encode() if isinstance(data, str) else data)
        os.replace(name, path)
        return {"object_key": object_key, "url": await self.get_read_url(object_key)}

    async def delete_file(self, object_key: str) -> bool:
        """Remove a file and say whether there was one."""
        path = self.path_of(object_key)
        if path is None or not path.is_file():
            return False
        path.unlink()
        return True

    async def get_read_url(self, object_key: str) -> str:
        """Return the address under which the owner reads the file."""
        return f"{FILES_PATH}/{quote(object_key)}"

    async def close(self) -> None:
        """Do nothing: no file stays open."""


def _is_direct(object_key: str) -> bool:
    return not object_key.startswith("/") and all(part not in {"", ".", ".."} for part in object_key.split("/"))


def chat_history(dsn: str, files: LocalFiles) -> SQLAlchemyDataLayer:
    """Return Chainlit's data layer over the schema `chat` of the desk's database."""
    address = dsn.replace("postgresql://", "postgresql+psycopg://", 1)
    return SQLAlchemyDataLayer(
        conninfo=address, connect_args={"options": "-c search_path=chat -c timezone=UTC"}, storage_provider=files
    )
