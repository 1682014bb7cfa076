"""Explain an endpoint's errors in one sentence each, and remember what it refuses. Messages never contain the key."""

import re
from collections.abc import Mapping
from threading import Lock
from typing import Any

import openai

from augment.records import LMSpec

N_TOP_TOKENS = 20  # the maximum for chat
N_FEW_TOP_TOKENS = 5  # the maximum for OpenAI's completions
_OPTIONAL = ("temperature", "top_p", "seed", "stop", "logprobs", "top_logprobs", "response_format", "max_tokens")
# The error for a prompt that is too long mentions max_tokens too; leaving that out would not help.
_ABOUT_LENGTH = re.compile(r"context|too large|limit was reached", re.IGNORECASE)


class Refusals:
    """The parameters that one server has refused so far, and notes on them. Thread-safe.

    Learning the same refusal twice changes nothing, because concurrent requests are refused together.
    """

    def __init__(self, where: str) -> None:
        self._where = where
        self._lock = Lock()
        self._refused: set[str] = set()
        self._n_top_tokens = N_TOP_TOKENS
        self._notes: dict[str, str] = {}

    @property
    def notes(self) -> tuple[str, ...]:
        """The latest sentence on each subject."""
        with self._lock:
            return tuple(self._notes.values())

    @property
    def n_top_tokens(self) -> int:
        """How many of the likeliest tokens can be requested; 0 if the server gives none."""
        return self._n_top_tokens

    def __contains__(self, name: str) -> bool:
        return name in self._refused

    def note(self, subject: str, sentence: str) -> None:
        """Set the note on `subject`: the server's address, then `sentence`."""
        with self._lock:
            self._notes[subject] = f"{self._where} {sentence}"

    def adapt(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """`params` without those that the server refused."""
        adapted = {name: value for name, value in params.items() if name not in self._refused}
        if "max_tokens" in params.keys() - adapted.keys() and "messages" in params:
            adapted["max_completion_tokens"] = params["max_tokens"]
        return adapted

    def learn(self, error: Exception, sent: Mapping[str, Any]) -> bool:
        """Remember the parameter in `sent` that `error` refuses; False if it refuses none."""
        name = _name_refused(error, sent)
        if name is None:
            return False
        if name in ("logprobs", "top_logprobs"):
            self._lower_top_tokens(sent.get("top_logprobs", sent["logprobs"]))
            return True
        self._refused.add(name)
        instead = {"response_format": "requesting plain lines instead"}
        if "messages" in sent:
            instead["max_tokens"] = "using 'max_completion_tokens' instead"
        self.note(name, f"refused '{name}'; {instead.get(name, 'sending requests without it')}.")
        return True

    def _lower_top_tokens(self, n_refused: int) -> None:
        with self._lock:
            self._n_top_tokens = min(self._n_top_tokens, N_FEW_TOP_TOKENS if n_refused > N_FEW_TOP_TOKENS else 0)
            n = self._n_top_tokens
            instead = f"refused {N_TOP_TOKENS} 'logprobs'; requesting {n} instead." if n else "refused 'logprobs'."
            self._notes["logprobs"] = f"{self._where} {instead}"


def _name_refused(error: Exception, sent: Mapping[str, Any]) -> str | None:
    # 403 too: some servers refuse logprobs as not allowed for the model.
    if not isinstance(error, openai.BadRequestError | openai.UnprocessableEntityError | openai.PermissionDeniedError):
        return None
    text = _read_message(error)
    names = [name for name in _OPTIONAL if name in sent and not (name == "max_tokens" and _ABOUT_LENGTH.search(text))]
    if error.param in names:
        return error.param
    return next((name for name in names if re.search(rf"\b{name}\b", text, re.IGNORECASE)), None)


def _read_message(error: openai.APIStatusError) -> str:
    body = error.body
    text = (body.get("message") or body.get("detail") or body) if isinstance(body, dict) else body
    return " ".join(str(text or error.message).split())


def explain(error: Exception, spec: LMSpec, *, timeout_s: float, key: str) -> str:
    """What went wrong and what to do, in one line."""
    where = spec.base_url
    if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
        return f"{where} refused the key ({error.status_code}). Set OPENAI_API_KEY or enter another key."
    if isinstance(error, openai.NotFoundError):
        return f"{where} has no model '{spec.name}' or no {spec.api} interface (404). Check both."
    if isinstance(error, openai.RateLimitError):
        return f"{where} answered 'too many requests' (429) after every retry. Wait, then resume the run."
    if isinstance(error, openai.APIStatusError) and error.status_code < 500:
        text = _read_message(error).replace(key, "…")[:200]
        return f"{where} refused the request ({error.status_code}): {text}"
    if isinstance(error, openai.APIStatusError):
        return f"{where} answered {error.status_code} after every retry. Look at the server's log, then resume the run."
    if isinstance(error, openai.APITimeoutError):
        return f"{where} did not answer within {timeout_s:g} s. Check whether the server is busy, then resume the run."
    if isinstance(error, openai.APIConnectionError):
        return f"{where} cannot be reached. Check that the server is running and the address is correct."
    return f"{where} gave an answer that cannot be read ({type(error).__name__}). Is it an OpenAI-compatible server?"
