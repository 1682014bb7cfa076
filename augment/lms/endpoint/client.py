"""The connection to one endpoint: sends requests, adapts them to what the server refuses, explains errors.

The key is kept in the client object only. The openai client first retries a few times (429, 5xx, timeouts, with
Retry-After). A parameter that the server refuses is then left out of all further requests, with a note. Knows nothing
of labels.
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

_NO_KEY = "no-key"  # servers without accounts need no key, but the client needs a string


class EndpointClient:
    """Sends requests for one model to one server. Thread-safe."""

    def __init__(self, spec: LMSpec, key: str | None, *, timeout_s: float) -> None:
        self._spec = spec
        self._timeout_s = timeout_s
        self._client = openai.OpenAI(
            base_url=spec.base_url, api_key=key or _NO_KEY, timeout=timeout_s, max_retries=N_RETRIES
        )
        self.is_chat = spec.api is EndpointApi.CHAT
        self.refusals = Refusals(spec.base_url)

    def build(self, prompt: str, instruction: str) -> Params:
        """A request without optional parameters; `instruction` is for chat only."""
        if not self.is_chat:
            return {"model": self._spec.name, "prompt": prompt}
        messages = [{"role": "system", "content": instruction}, {"role": "user", "content": prompt}]
        return {"model": self._spec.name, "messages": messages}

    def build_top_tokens(self) -> Params:
        """The parameters that request the likeliest tokens; empty if the server refuses them."""
        n = self.refusals.n_top_tokens
        if not n:
            return {}
        return {"logprobs": True, "top_logprobs": n} if self.is_chat else {"logprobs": n}

    def send(self, build: Callable[[], Params]) -> Answer:
        """Post the request from `build`, and again after each refused parameter; the answer has text and counts.

        Raises:
            LMError: any error that remains after the retries.
        """
        path = "/chat/completions" if self.is_chat else "/completions"
        while True:
            params = self.refusals.adapt(build())
            try:
                answer = read_answer(self._client.post(path, cast_to=object, body=params))
            except (openai.OpenAIError, ValueError) as error:  # ValueError: not JSON or not a completion
                if self.refusals.learn(error, params):
                    continue
                raise LMError(self._explain(error)) from error
            if answer.text is None:
                where = self._spec.base_url
                raise LMError(f"'{self._spec.name}' at {where} returned no choices. Check the model name.")
            return self._fill_counts(answer, params)

    def list_models(self) -> tuple[str, ...]:
        """The model names that the server offers; empty if it does not list them.

        Raises:
            LMError: the server cannot be reached or refuses the key.
        """
        try:
            listed = self._client.get("/models", cast_to=object)
        except (openai.APIConnectionError, openai.AuthenticationError) as error:
            raise LMError(self._explain(error)) from error
        except (openai.OpenAIError, ValueError):  # many servers have no list; each reports it differently
            return ()
        models = listed.get("data") if isinstance(listed, dict) else None
        names = [model.get("id") for model in models or () if isinstance(model, dict)]
        return tuple(sorted(name for name in names if isinstance(name, str)))

    def _fill_counts(self, answer: Answer, params: Params) -> Answer:
        if answer.n_prompt_tokens is not None and answer.n_tokens is not None:
            return answer
        self.refusals.note("usage", "gives no token counts; the cost is estimated from the length.")
        messages = params.get("messages", ())
        prompt = params["prompt"] if "prompt" in params else "".join(message["content"] for message in messages)
        return replace(answer, n_prompt_tokens=_estimate_tokens(prompt), n_tokens=_estimate_tokens(answer.text or ""))

    def _explain(self, error: Exception) -> str:
        return explain(error, self._spec, timeout_s=self._timeout_s, key=self._client.api_key)


def _estimate_tokens(text: str) -> int:
    return math.ceil(len(text) / CHARS_PER_TOKEN)
