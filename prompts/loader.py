"""Load prompts: Markdown files with front matter that names the prompt, its version and its inputs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from core.errors import InvalidInput, UnknownName

_FRONT_MATTER = re.compile(r"\A---\n(?P<head>.*?)\n---\n(?P<body>.*)\Z", re.DOTALL)
_INPUT = re.compile(r"<<([a-z_]+)>>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """Hold one prompt; `inputs` are the names in its `<<name>>` places."""

    id: str
    version: int
    inputs: tuple[str, ...]
    body: str

    def fill(self, **values: str) -> str:
        """Return the text with its inputs put in; raise InvalidInput when names are missing or unknown."""
        if set(values) != set(self.inputs):
            raise InvalidInput(f"Prompt {self.id} needs the inputs {sorted(self.inputs)}, got {sorted(values)}.")
        return _INPUT.sub(lambda match: values[match[1]], self.body)


@lru_cache(maxsize=32)
def load_prompt(name: str) -> Prompt:
    """Return the prompt of a file prompts/<name>.md; raise UnknownName, or InvalidInput for bad front matter."""
    import yaml

    source = files("prompts") / f"{name}.md"
    if not re.fullmatch(r"[a-z_]+", name) or not source.is_file():
        raise UnknownName("prompt", name)
    match = _FRONT_MATTER.match(source.read_text(encoding="utf-8"))
    head = yaml.safe_load(match["head"]) if match else None
    if not isinstance(head, dict) or not {"id", "version", "inputs"} <= set(head):
        raise InvalidInput(f"prompts/{name}.md: expected front matter with id, version and inputs.")
    body = match["body"].strip() if match else ""
    inputs = tuple(head["inputs"] or ())
    if set(_INPUT.findall(body)) != set(inputs):
        raise InvalidInput(f"prompts/{name}.md: its places {sorted(set(_INPUT.findall(body)))} are not its inputs.")
    return Prompt(id=str(head["id"]), version=int(head["version"]), inputs=inputs, body=body)
