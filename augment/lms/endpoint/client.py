"""One endpoint's connection: sends requests, adapts them to what the server refuses, ends each fault in one sentence.

The key lives in the client object only. The client's own bounded retries (429, 5xx, timeouts, with Retry-After) come
first; then a parameter that the server refuses is left out, once and for all, with a note. Knows no labels.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import openai

from augment.errors import LMError
from augment.lms.endpoint.answers import Answer, read_answer
from augment.lms.endpoint.faults import Refusals, explain
from augment.records import EndpointApi, LMSpec

N_RETRIES = 2
CHARS_PER_TOKEN = 4  # in English. Source: OpenAI help centre, "What are tokens and how to count them"
Params = dict[str, Any]  # the JSON of a request

_NO_KEY = "no-key"  # servers without accounts want none, the client wants a string


class EndpointClient:
    """Asks one server for one model. Thread-safe."""

    def __init__(self, spec: LMSpec, key: str | None, *, timeout_s: float) -> None:
        self._spec = spec
        self._timeout_s = timeout_s
        self._client = openai.OpenAI(
            base_url=spec.base_url, api_key=key or _NO_KEY, timeout=timeout_s, max_retries=N_RETRIES
        )
        self.is_chat = spec.api is EndpointApi.CHAT
        self.refusals = Refusals(spec.base_url)

    def build(self, prompt: str, instruction: str) -> Params:
        """A request without any optional parameter; `instruction` is for chat only."""
        if not self.is_chat:
            return {"model": self._spec.name, "prompt": prompt}
        messages = [{"role": "system", "content": instruction}, {"role": "user", "content": prompt}]
        return {"model": self._spec.name, "messages": messages}

    def build_top_tokens(self) -> Params:
        """What asks for the likeliest tokens; nothing where the server refused."""
        n = self.refusals.n_top_tokens
        if not n:
            return {}
        return {"logprobs": True, "top_logprobs": n} if self.is_chat else {"logprobs": n}

    def send(self, build: Callable[[], Params]) -> Answer:
        """Post what `build` makes, anew after each parameter that the server refuses; the answer has text and counts.

        Raises:
            LMError: any fault, after bounded retries.
        """
        path = "/chat/completions" if self.is_chat else "/completions"
        while True:
            params = self.refusals.adapt(build())
            try:
                answer = read_answer(self._client.post(path, cast_to=object, body=params))
            except (openai.OpenAIError, ValueError) as error:  # ValueError: an answer that is no JSON or no completion
                if self.refusals.learn(error, params):
                    continue
                raise LMError(self._explain(error)) from error
            if answer.text is None:
                where = self._spec.base_url
                raise LMError(f"'{self._spec.name}' at {where} answered without any choice. Check the model name.")
            return self._fill_counts(answer, params)

    def list_models(self) -> tuple[str, ...]:
        """The model names that the server offers; none where it does not list them.

        Raises:
            LMError: it cannot be reached or refuses the key.
        """
        try:
            listed = self._client.get("/models", cast_to=object)
        except (openai.APIConnectionError, openai.AuthenticationError) as error:
            raise LMError(self._explain(error)) from error
        except (openai.OpenAIError, ValueError):  # many servers have no list, each says so in its own way
            return ()
        models = listed.get("data") if isinstance(listed, dict) else None
        names = [model.get("id") for model in models or () if isinstance(model, dict)]
        return tuple(sorted(name for name in names if isinstance(name, str)))

    def _fill_counts(self, answer: Answer, params: Params) -> Answer:
        if answer.n_prompt_tokens is not None and answer.n_tokens is not None:
            return answer
        self.refusals.note("usage", "gives no token counts; the cost is estimated from the length.")
        asked = params["prompt"] if "prompt" in params else "".join(one["content"] for one in params["messages"])
        return replace(answer, n_prompt_tokens=_estimate_tokens(asked), n_tokens=_estimate_tokens(answer.text or ""))

    def _explain(self, error: Exception) -> str:
        return explain(error, self._spec, timeout_s=self._timeout_s, key=self._client.api_key)


def _estimate_tokens(text: str) -> int:
    return math.ceil(len(text) / CHARS_PER_TOKEN)
