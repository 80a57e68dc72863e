"""Mount the chat under /chat: configured by us, signed in by the desk's session, with nothing fetched from outside."""

from __future__ import annotations

import json
import re
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import FastAPI

from chat_ui.services import ChatServices, install
from core.settings import hand_to_library

if TYPE_CHECKING:
    from agents.graph import Assistant
    from app.auth.accounts import Accounts
    from app.bootstrap import Parts

CHAT_PATH = "/chat"
CHAT_COOKIE = "quantdesk_chat"
WATERMARK = "Every number is computed by a tool and can be traced; no trade happens without your approval."
_HERE = Path(__file__).resolve().parent
# Fonts, styles and hints that the page would fetch from other hosts.
_OUTSIDE = re.compile(r"""<link\b[^>]*\bhref="(?:https?:)?//[^>]*>\s*""")


def mount_chat(app: FastAPI, *, parts: Parts, accounts: Accounts, assistant: Assistant) -> None:
    """Mount the chat and the route of its files; call it once, after the API routes and before the pages."""
    root = prepare_folder(parts.settings.home / "chat")
    for name, value in {
        "CHAINLIT_APP_ROOT": str(root),
        "CHAINLIT_AUTH_SECRET": accounts.secret("chat_auth"),
        "CHAINLIT_AUTH_COOKIE_NAME": CHAT_COOKIE,
        "CHAINLIT_COOKIE_SAMESITE": "lax",
        # Its observability packages must stay silent.
        "TRACELOOP_TELEMETRY": "false",
        "OTEL_SDK_DISABLED": "true",
        "LITERAL_DISABLED": "true",
    }.items():
        hand_to_library(name, value)
    install(ChatServices(parts=parts, accounts=accounts, assistant=assistant))
    import chainlit.server
    from chainlit.utils import mount_chainlit

    from chat_ui.files import files_router
    from chat_ui.history import LocalFiles, chat_history

    original = chainlit.server.get_html_template
    chainlit.server.get_html_template = lambda root_path: without_outside_links(original(root_path))
    files = LocalFiles(root / "files")
    app.include_router(files_router(chat_history(parts.dsn, files), files))
    mount_chainlit(app=app, target=str(_HERE / "app.py"), path=CHAT_PATH)


def prepare_folder(root: Path) -> Path:
    """Write the chat's configuration into its folder, replacing an older one."""
    (root / ".chainlit").mkdir(mode=0o700, parents=True, exist_ok=True)
    shutil.copyfile(_HERE / "config.toml", root / ".chainlit" / "config.toml")
    shutil.copytree(_HERE / "public", root / "public", dirs_exist_ok=True)
    (root / "chainlit.md").write_text("", encoding="utf-8")
    _write_words(root / ".chainlit" / "translations")
    return root


def _write_words(folder: Path) -> None:
    """Write the page's words with our own remark below the input: numbers here are computed, not made up."""
    # Found, not imported: importing Chainlit reads the folder that is being prepared.
    spec = find_spec("chainlit")
    assert spec is not None and spec.origin is not None, "a dependency"
    packaged = Path(spec.origin).parent / "translations" / "en-US.json"
    words = json.loads(packaged.read_text(encoding="utf-8"))
    words["chat"]["watermark"] = WATERMARK
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / "en-US.json").write_text(json.dumps(words, indent=1), encoding="utf-8")


def without_outside_links(page: str) -> str:
    """Return the page without links to other hosts."""
    return _OUTSIDE.sub("", page)
