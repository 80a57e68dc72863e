"""The stand-ins as the SDKs themselves read them, without our adapters."""

from __future__ import annotations

import anthropic
import ollama
import openai
import pytest

from core.testing.model_stand_ins import ScriptedCall, ScriptedReply, model_stand_in

CALL = ScriptedReply(text="Let me look.", calls=(ScriptedCall(name="close", args={"symbol": "AAPL", "n": 3}),))


@pytest.mark.parametrize("streamed", [False, True])
def test_anthropic_messages(streamed: bool) -> None:
    with model_stand_in([CALL]) as stand_in:
        client = anthropic.Anthropic(api_key="test", base_url=stand_in.url, max_retries=0)
        asked = {"model": "claude-x", "max_tokens": 10, "messages": [{"role": "user", "content": "hi"}]}
        if streamed:
            with client.messages.stream(**asked) as stream:  # type: ignore[arg-type]
                message = stream.get_final_message()
        else:
            message = client.messages.create(**asked)  # type: ignore[call-overload]
    assert [block.type for block in message.content] == ["text", "tool_use"]
    assert message.content[1].input == {"symbol": "AAPL", "n": 3}
    assert (message.stop_reason, message.usage.output_tokens) == ("tool_use", 7)


@pytest.mark.parametrize("streamed", [False, True])
def test_openai_chat_completions(streamed: bool) -> None:
    with model_stand_in([CALL]) as stand_in:
        client = openai.OpenAI(api_key="test", base_url=f"{stand_in.url}/v1", max_retries=0)
        asked = {"model": "gpt-x", "messages": [{"role": "user", "content": "hi"}]}
        if streamed:
            parts = [
                chunk.choices[0].delta
                for chunk in client.chat.completions.create(**asked, stream=True)
                if chunk.choices
            ]  # type: ignore[call-overload]
            text = "".join(part.content or "" for part in parts)
            arguments = "".join(call.function.arguments for part in parts for call in part.tool_calls or ())
        else:
            message = client.chat.completions.create(**asked).choices[0].message  # type: ignore[call-overload]
            text, arguments = message.content, message.tool_calls[0].function.arguments
    assert (text, arguments) == ("Let me look.", '{"symbol": "AAPL", "n": 3}')


@pytest.mark.parametrize("streamed", [False, True])
def test_openai_responses(streamed: bool) -> None:
    with model_stand_in([CALL]) as stand_in:
        client = openai.OpenAI(api_key="test", base_url=f"{stand_in.url}/v1", max_retries=0)
        if streamed:
            with client.responses.stream(model="gpt-x", input="hi") as stream:
                for _ in stream:
                    pass
                response = stream.get_final_response()
        else:
            response = client.responses.create(model="gpt-x", input="hi")
    assert response.output_text == "Let me look."
    assert [item.arguments for item in response.output if item.type == "function_call"] == [
        '{"symbol": "AAPL", "n": 3}'
    ]


def test_ollama_chat() -> None:
    with model_stand_in([CALL]) as stand_in:
        client = ollama.Client(host=stand_in.url)
        parts = list(client.chat(model="m", messages=[{"role": "user", "content": "hi"}], stream=True))
        assert "".join(part.message.content or "" for part in parts) == "Let me look."
        assert [dict(call.function.arguments) for part in parts for call in part.message.tool_calls or ()] == [
            {"symbol": "AAPL", "n": 3}
        ]
        assert parts[-1].done


def test_rate_limits_and_unknown_paths_are_said() -> None:
    with model_stand_in([ScriptedReply(fault="rate_limit", retry_after="3")]) as stand_in:
        client = anthropic.Anthropic(api_key="test", base_url=stand_in.url, max_retries=0)
        with pytest.raises(anthropic.RateLimitError) as caught:
            client.messages.create(model="m", max_tokens=1, messages=[{"role": "user", "content": "hi"}])
        assert caught.value.response.headers["retry-after"] == "3"
        with pytest.raises(openai.NotFoundError):
            openai.OpenAI(api_key="t", base_url=stand_in.url, max_retries=0).embeddings.create(model="m", input="x")


def test_raw_bytes_are_kept() -> None:
    with model_stand_in([ScriptedReply(text="ok")]) as stand_in:
        ollama.Client(host=stand_in.url).chat(
            model="m", messages=[{"role": "user", "content": "canary-17"}], stream=False
        )
        assert b"canary-17" in stand_in.received()
        assert stand_in.requests[0].json()["messages"][0]["content"] == "canary-17"
