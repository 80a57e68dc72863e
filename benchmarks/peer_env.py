"""Run scripts of other tools in an environment of their own, built once per set of pinned versions."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.prove import cache_folder

_FOLDER = Path(__file__).resolve().parent / "peers"
_REQUIREMENTS = _FOLDER / "requirements.txt"


def peer_python() -> Path:
    """Return the interpreter of the environment, building it at the first call (about a minute and 2 GB)."""
    digest = hashlib.sha256(_REQUIREMENTS.read_bytes()).hexdigest()[:12]
    folder = cache_folder().parent / f"peers-{digest}"
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        print(f"building the peers' environment in {folder}", file=sys.stderr, flush=True)
        uv = Path(sys.executable).with_name("uv")
        subprocess.run([uv, "venv", "-q", "--clear", "--python", sys.executable, folder], check=True)
        install = [uv, "pip", "install", "-q", "--no-deps", "--python", python, "-r", _REQUIREMENTS]
        subprocess.run(install, check=True)
        (folder / "complete").touch()
    return python


def start_peer(script: str, *arguments: str) -> subprocess.Popen[str]:
    """Start benchmarks/peers/SCRIPT; it answers one JSON line for each line it is sent."""
    return subprocess.Popen(
        [peer_python(), _FOLDER / script, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/tmp")},
    )


def ask_peer(peer: subprocess.Popen[str], **request: object) -> dict[str, Any]:
    """Send one request and return the answer; raises SystemExit when the peer has ended."""
    assert peer.stdin is not None and peer.stdout is not None
    peer.stdin.write(json.dumps(request) + "\n")
    peer.stdin.flush()
    line = peer.stdout.readline()
    if not line:
        raise SystemExit(f"The peer process ended with status {peer.wait()}.")
    answer: dict[str, Any] = json.loads(line)
    return answer
