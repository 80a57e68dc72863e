"""Stand in for the model providers on loopback: their wire protocols, scripted replies, faults, and every byte kept.

Spoken: Anthropic Messages (`/v1/messages`), OpenAI Chat Completions and Responses, Ollama (`/api/chat`), each with
and without streaming. The requests are kept as raw bytes, so that a test can prove what left and what did not.
"""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

Fault = Literal["rate_limit", "overloaded", "cut", "bad_tool_json", "server_error", "slow"]
_STATUS: dict[str, int] = {"rate_limit": 429, "overloaded": 529, "server_error": 500}


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptedCall:
    """Name a tool call the stand-in asks for."""

    name: str
    args: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptedReply:
    """Hold one reply: text, tool calls, or a fault instead."""

    text: str = ""
    calls: tuple[ScriptedCall, ...] = ()
    fault: Fault | None = None
    retry_after: str = "0"


Script = Sequence[ScriptedReply | Callable[[dict[str, Any]], ScriptedReply]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedRequest:
    """Hold a request as it came over the wire."""

    path: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        """Return the body as an object."""
        parsed: dict[str, Any] = json.loads(self.body)
        return parsed


@dataclass(slots=True)
class ModelStandIn:
    """Serve a script of replies; the last one repeats. `requests` holds everything received."""

    script: Script
    requests: list[ReceivedRequest] = field(default_factory=list)
    url: str = ""
    _served: Iterator[int] = field(default_factory=itertools.count)
    closing: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def received(self) -> bytes:
        """Return all bytes received: paths, headers and bodies, without the transport's own port and length."""
        return b"\n".join(
            request.path.encode() + b"\n" + json.dumps(_sent(request)).encode() + b"\n" + request.body
            for request in self.requests
        )

    def reply_to(self, request: ReceivedRequest) -> ScriptedReply:
        """Keep a request and return the next reply of the script."""
        with self._lock:
            self.requests.append(request)
            step = self.script[min(next(self._served), len(self.script) - 1)]
        return step if isinstance(step, ScriptedReply) else step(request.json())


@contextmanager
def model_stand_in(script: Script) -> Iterator[ModelStandIn]:
    """Run a stand-in on a free loopback port; `url` is its address without a path."""
    stand_in = ModelStandIn(script)

    class Handler(_Handler):
        model = stand_in

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    stand_in.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield stand_in
    finally:
        stand_in.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _sent(request: ReceivedRequest) -> dict[str, str]:
    return {name: value for name, value in request.headers.items() if name.lower() not in ("host", "content-length")}


class _Handler(BaseHTTPRequestHandler):
    model: ModelStandIn
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        request = ReceivedRequest(path=self.path, headers=dict(self.headers.items()), body=body)
        speak = _PROTOCOLS.get(self.path.split("?")[0].removeprefix("/v1"))
        if speak is None:
            self._send(404, b'{"error": {"type": "not_found_error", "message": "no such path"}}')
            return
        reply = self.model.reply_to(request)
        if reply.fault in _STATUS:
            self._send(
                _STATUS[str(reply.fault)],
                json.dumps(
                    {"type": "error", "error": {"type": str(reply.fault), "message": "scripted fault"}}
                ).encode(),
                {"retry-after": reply.retry_after},
            )
            return
        if reply.fault == "slow":
            # The first byte never comes while anybody waits for it.
            self.model.closing.wait()
            self.close_connection = True
            return
        content_type, pieces = speak(reply, request.json())
        if reply.fault == "cut":
            self._send_cut(content_type, pieces)
        else:
            self._send(200, b"".join(pieces), {"content-type": content_type})

    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent."""

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"content-type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _send_cut(self, content_type: str, pieces: list[bytes]) -> None:
        """Promise the whole and close in the middle."""
        whole = b"".join(pieces)
        self.send_response(200)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(whole)))
        self.end_headers()
        self.wfile.write(b"".join(pieces[: max(1, len(pieces) // 2)]))
        self.wfile.flush()
        self.close_connection = True
        self.connection.close()


Spoken = tuple[str, list[bytes]]


def _arguments(reply: ScriptedReply, call: ScriptedCall) -> str:
    text = json.dumps(call.args)
    return text[: len(text) // 2] if reply.fault == "bad_tool_json" else text


def _sse(events: Sequence[tuple[str, dict[str, Any]]]) -> list[bytes]:
    return [f"event: {name}\ndata: {json.dumps(data)}\n\n".encode() for name, data in events]


def _data_only(chunks: Sequence[dict[str, Any]]) -> list[bytes]:
    return [f"data: {json.dumps(chunk)}\n\n".encode() for chunk in chunks]


def _halves(text: str) -> list[str]:
    middle = len(text) // 2
    return [part for part in (text[:middle], text[middle:]) if part]


def _anthropic(reply: ScriptedReply, body: dict[str, Any]) -> Spoken:
    stop = "tool_use" if reply.calls else "end_turn"
    blocks: list[dict[str, Any]] = [{"type": "text", "text": reply.text}] if reply.text else []
    blocks += [
        {"type": "tool_use", "id": f"toolu_{index}", "name": call.name, "input": call.args}
        for index, call in enumerate(reply.calls)
    ]
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": body["model"], "stop_sequence": None}
    if not body.get("stream"):
        whole = {**message, "content": blocks, "stop_reason": stop, "usage": {"input_tokens": 11, "output_tokens": 7}}
        return "application/json", [json.dumps(whole).encode()]
    start = {**message, "content": [], "stop_reason": None, "usage": {"input_tokens": 11, "output_tokens": 1}}
    events: list[tuple[str, dict[str, Any]]] = [("message_start", {"type": "message_start", "message": start})]
    for index, block in enumerate(blocks):
        is_text = block["type"] == "text"
        shell = {"type": "text", "text": ""} if is_text else {**block, "input": {}}
        events.append(("content_block_start", {"type": "content_block_start", "index": index, "content_block": shell}))
        whole_text = block["text"] if is_text else _arguments(reply, reply.calls[index - bool(reply.text)])
        for part in _halves(whole_text):
            delta = (
                {"type": "text_delta", "text": part} if is_text else {"type": "input_json_delta", "partial_json": part}
            )
            events.append(("content_block_delta", {"type": "content_block_delta", "index": index, "delta": delta}))
        events.append(("content_block_stop", {"type": "content_block_stop", "index": index}))
    ended = {
        "type": "message_delta",
        "delta": {"stop_reason": stop, "stop_sequence": None},
        "usage": {"input_tokens": 11, "output_tokens": 7},
    }
    events += [("message_delta", ended), ("message_stop", {"type": "message_stop"})]
    return "text/event-stream", _sse(events)


def _chat_completions(reply: ScriptedReply, body: dict[str, Any]) -> Spoken:
    finish = "tool_calls" if reply.calls else "stop"
    calls = [
        {
            "index": index,
            "id": f"call_{index}",
            "type": "function",
            "function": {"name": call.name, "arguments": _arguments(reply, call)},
        }
        for index, call in enumerate(reply.calls)
    ]
    usage = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
    base = {"id": "chatcmpl-1", "created": 1, "model": body["model"]}
    if not body.get("stream"):
        message = {"role": "assistant", "content": reply.text or None, **({"tool_calls": calls} if calls else {})}
        whole = {
            **base,
            "object": "chat.completion",
            "choices": [{"index": 0, "message": message, "finish_reason": finish}],
            "usage": usage,
        }
        return "application/json", [json.dumps(whole).encode()]
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": part} for part in _halves(reply.text)]
    deltas += [{"tool_calls": [call]} for call in calls]
    base["object"] = "chat.completion.chunk"
    chunks = [{**base, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    chunks.append({**base, "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
    chunks.append({**base, "choices": [], "usage": usage})
    return "text/event-stream", [*_data_only(chunks), b"data: [DONE]\n\n"]


def _responses(reply: ScriptedReply, body: dict[str, Any]) -> Spoken:
    items: list[dict[str, Any]] = []
    if reply.text:
        text = {"type": "output_text", "text": reply.text, "annotations": [], "logprobs": []}
        items.append({"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [text]})
    items += [
        {
            "type": "function_call",
            "id": f"fc_{index}",
            "call_id": f"call_{index}",
            "name": call.name,
            "arguments": _arguments(reply, call),
            "status": "completed",
        }
        for index, call in enumerate(reply.calls)
    ]
    usage = {
        "input_tokens": 11,
        "output_tokens": 7,
        "total_tokens": 18,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": 0},
    }
    whole = {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "model": body["model"],
        "status": "completed",
        "output": items,
        "usage": usage,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "temperature": 1.0,
        "top_p": 1.0,
    }
    if not body.get("stream"):
        return "application/json", [json.dumps(whole).encode()]
    started = {**whole, "status": "in_progress", "output": [], "usage": None}
    events: list[tuple[str, dict[str, Any]]] = [("response.created", {"response": started})]
    for index, item in enumerate(items):
        events.append(
            (
                "response.output_item.added",
                {
                    "output_index": index,
                    "item": {
                        **item,
                        "status": "in_progress",
                        **({"content": []} if item["type"] == "message" else {"arguments": ""}),
                    },
                },
            )
        )
        if item["type"] == "message":
            empty = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
            events.append(
                (
                    "response.content_part.added",
                    {"output_index": index, "content_index": 0, "item_id": item["id"], "part": empty},
                )
            )
            events += [
                (
                    "response.output_text.delta",
                    {"output_index": index, "content_index": 0, "item_id": item["id"], "delta": part, "logprobs": []},
                )
                for part in _halves(reply.text)
            ]
        else:
            events.append(
                (
                    "response.function_call_arguments.delta",
                    {"output_index": index, "item_id": item["id"], "delta": item["arguments"]},
                )
            )
        events.append(("response.output_item.done", {"output_index": index, "item": item}))
    events.append(("response.completed", {"response": whole}))
    numbered = [(name, {"type": name, "sequence_number": number, **data}) for number, (name, data) in enumerate(events)]
    return "text/event-stream", _sse(numbered)


def _ollama(reply: ScriptedReply, body: dict[str, Any]) -> Spoken:
    base = {"model": body["model"], "created_at": "2026-01-01T00:00:00Z"}
    calls = [{"function": {"name": call.name, "arguments": call.args}} for call in reply.calls]
    if body.get("stream") is False:
        message = {"role": "assistant", "content": reply.text, **({"tool_calls": calls} if calls else {})}
        whole = {**base, "message": message, "done": True, "done_reason": "stop"}
        return "application/json", [json.dumps(whole).encode()]
    messages: list[dict[str, Any]] = [{"role": "assistant", "content": part} for part in _halves(reply.text)]
    if calls:
        messages.append({"role": "assistant", "content": "", "tool_calls": calls})
    lines: list[dict[str, Any]] = [{**base, "message": message, "done": False} for message in messages]
    lines.append(
        {
            **base,
            "message": {"role": "assistant", "content": ""},
            "done": True,
            "done_reason": "stop",
            "prompt_eval_count": 11,
            "eval_count": 7,
            "total_duration": 1,
            "load_duration": 1,
            "prompt_eval_duration": 1,
            "eval_duration": 1,
        }
    )
    encoded = [json.dumps(line).encode() + b"\n" for line in lines]
    if reply.fault == "bad_tool_json":
        encoded[0] = encoded[0][: len(encoded[0]) // 2] + b"\n"
    return "application/x-ndjson", encoded


_PROTOCOLS: dict[str, Callable[[ScriptedReply, dict[str, Any]], Spoken]] = {
    "/messages": _anthropic,
    "/chat/completions": _chat_completions,
    "/responses": _responses,
    "/api/chat": _ollama,
}
