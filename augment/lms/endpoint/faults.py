"""How an endpoint fails, in one sentence each, and what it refuses. The key never enters a sentence."""

import re
from collections.abc import Mapping
from threading import Lock
from typing import Any

import openai

from augment.records import LMSpec

N_TOP_TOKENS = 20  # the most that chat offers
N_FEW_TOP_TOKENS = 5  # the most that OpenAI's completions offer
_OPTIONAL = ("temperature", "top_p", "seed", "stop", "logprobs", "top_logprobs", "response_format", "max_tokens")
# A prompt that is too long names max_tokens too, and dropping that would not help.
_ABOUT_LENGTH = re.compile(r"context|too large|limit was reached", re.IGNORECASE)


class Refusals:
    """What one server has refused so far, learnt as it is asked, and notes on it. Thread-safe.

    Learning the same thing twice changes nothing, as requests that run at once are refused at once.
    """

    def __init__(self, where: str) -> None:
        self._where = where
        self._lock = Lock()
        self._refused: set[str] = set()
        self._n_top_tokens = N_TOP_TOKENS
        self._notes: dict[str, str] = {}

    @property
    def notes(self) -> tuple[str, ...]:
        """One sentence a subject, the latest."""
        with self._lock:
            return tuple(self._notes.values())

    @property
    def n_top_tokens(self) -> int:
        """How many likeliest tokens may be asked for; 0 where the server gives none."""
        return self._n_top_tokens

    def __contains__(self, name: str) -> bool:
        return name in self._refused

    def note(self, subject: str, sentence: str) -> None:
        """Note `sentence`, which goes on after the address, instead of what was noted on `subject`."""
        with self._lock:
            self._notes[subject] = f"{self._where} {sentence}"

    def adapt(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """`params` without those that the server refused."""
        adapted = {name: value for name, value in params.items() if name not in self._refused}
        if "max_tokens" in params.keys() - adapted.keys() and "messages" in params:
            adapted["max_completion_tokens"] = params["max_tokens"]
        return adapted

    def learn(self, error: Exception, sent: Mapping[str, Any]) -> bool:
        """Whether `error` refuses a parameter in `sent` that is to be left out from now on."""
        name = _name_refused(error, sent)
        if name is None:
            return False
        if name in ("logprobs", "top_logprobs"):
            self._lower_top_tokens(sent.get("top_logprobs", sent["logprobs"]))
            return True
        self._refused.add(name)
        instead = {
            "response_format": "asked for plain lines",
            "max_tokens": "asked with 'max_completion_tokens'" if "messages" in sent else "asked without it",
        }
        self.note(name, f"refused '{name}'; {instead.get(name, 'asked without it')}.")
        return True

    def _lower_top_tokens(self, n_refused: int) -> None:
        with self._lock:
            self._n_top_tokens = min(self._n_top_tokens, N_FEW_TOP_TOKENS if n_refused > N_FEW_TOP_TOKENS else 0)
            n = self._n_top_tokens
            instead = f"refused {N_TOP_TOKENS} 'logprobs'; asked for {n}." if n else "refused 'logprobs'."
            self._notes["logprobs"] = f"{self._where} {instead}"


def _name_refused(error: Exception, sent: Mapping[str, Any]) -> str | None:
    # 403 too: some refuse logprobs as not allowed with this model.
    if not isinstance(error, openai.BadRequestError | openai.UnprocessableEntityError | openai.PermissionDeniedError):
        return None
    said = _read_message(error)
    names = [name for name in _OPTIONAL if name in sent and not (name == "max_tokens" and _ABOUT_LENGTH.search(said))]
    if error.param in names:
        return error.param
    return next((name for name in names if re.search(rf"\b{name}\b", said, re.IGNORECASE)), None)


def _read_message(error: openai.APIStatusError) -> str:
    body = error.body
    said = (body.get("message") or body.get("detail") or body) if isinstance(body, dict) else body
    return " ".join(str(said or error.message).split())


def explain(error: Exception, spec: LMSpec, *, timeout_s: float, key: str) -> str:
    """What went wrong and what to do, in one line."""
    where = spec.base_url
    if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
        return f"{where} refused the key ({error.status_code}). Set OPENAI_API_KEY or type another key."
    if isinstance(error, openai.NotFoundError):
        return f"{where} knows no model '{spec.name}' or no {spec.api} interface (404). Check both."
    if isinstance(error, openai.RateLimitError):
        return f"{where} answered 'too many requests' (429) after every retry. Wait, then resume the run."
    if isinstance(error, openai.APIStatusError) and error.status_code < 500:
        said = _read_message(error).replace(key, "…")[:200]
        return f"{where} refused the request ({error.status_code}): {said}"
    if isinstance(error, openai.APIStatusError):
        return f"{where} answered {error.status_code} after every retry. Look at the server's log, then resume the run."
    if isinstance(error, openai.APITimeoutError):
        return f"{where} did not answer within {timeout_s:g} s. See whether the server is busy, then resume the run."
    if isinstance(error, openai.APIConnectionError):
        return f"{where} cannot be reached. See that the server runs and the address is right."
    return f"{where} gave an answer that cannot be read ({type(error).__name__}). Is it an OpenAI-compatible server?"
