"""Any OpenAI-compatible endpoint through the `openai` client: completions and chat.

The key lives in the client object only. Each way an endpoint fails becomes one sentence; the client's own bounded
retries (429, 5xx, timeouts, with Retry-After) come first.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import openai
from numpy.typing import NDArray

from augment.errors import LMError
from augment.records import Completion, EndpointApi, LabelQuestion, LMSpec, Sampling, ScoredCompletion

CONCURRENCY = 4
TIMEOUT_S = 120.0
CHAT_INSTRUCTION = "Continue the list with the next item. Answer with the rest of the last line only."


class EndpointLM:
    """A model behind an OpenAI-compatible endpoint."""

    def __init__(self, spec: LMSpec, key: str | None) -> None:
        self._spec = spec
        # Servers without accounts want no key, the client wants a string.
        self._client = openai.OpenAI(base_url=spec.base_url, api_key=key or "none", timeout=TIMEOUT_S, max_retries=2)

    def count_tokens(self, text: str) -> None:
        """An endpoint does not tell."""

    def complete(self, prompts: Sequence[str], sampling: Sampling) -> list[Completion]:
        """See `LanguageModel.complete`; at most CONCURRENCY requests at a time, one a prompt."""
        ask = self._ask_chat if self._spec.api is EndpointApi.CHAT else self._ask_completions
        with ThreadPoolExecutor(CONCURRENCY) as pool:
            # Each prompt gets its own seed, or equal prompts would get equal answers.
            jobs = [pool.submit(ask, prompt, sampling, sampling.rng_seed + row) for row, prompt in enumerate(prompts)]
            try:
                return [job.result() for job in jobs]
            except (openai.OpenAIError, ValueError) as error:  # ValueError: an answer that is no JSON
                for job in jobs:
                    job.cancel()
                raise LMError(self._explain(error)) from error

    def complete_and_score(
        self, prompts: Sequence[str], sampling: Sampling, question: LabelQuestion
    ) -> list[ScoredCompletion]:
        """See `LanguageModel.complete_and_score`."""
        raise self._no_scores()

    def label_logprobs(self, contexts: Sequence[str], labels: Sequence[str]) -> NDArray[np.float64]:
        """Not given by OpenAI-compatible endpoints in general."""
        raise self._no_scores()

    def _no_scores(self) -> LMError:
        return LMError(f"'{self._spec.name}' at {self._spec.base_url} gives no label scores. Use the strategy 'free'.")

    def list_models(self) -> list[str]:
        """The model names that the server offers.

        Raises:
            LMError: it does not answer or lists none.
        """
        try:
            return sorted(model.id for model in self._client.models.list())
        except (openai.OpenAIError, ValueError) as error:
            raise LMError(self._explain(error)) from error

    def _ask_completions(self, prompt: str, sampling: Sampling, rng_seed: int) -> Completion:
        answer = self._client.completions.create(
            model=self._spec.name,
            prompt=prompt,
            max_tokens=sampling.max_new_tokens,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            stop=["\n"],
            seed=rng_seed,
        )
        text = answer.choices[0].text if answer.choices else None
        return self._to_completion(text, answer.usage.completion_tokens if answer.usage else 0)

    def _ask_chat(self, prompt: str, sampling: Sampling, rng_seed: int) -> Completion:
        answer = self._client.chat.completions.create(
            model=self._spec.name,
            messages=[{"role": "system", "content": CHAT_INSTRUCTION}, {"role": "user", "content": prompt}],
            max_tokens=sampling.max_new_tokens,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            seed=rng_seed,
        )
        text = answer.choices[0].message.content if answer.choices else None
        # A chat model often says the open item again before it goes on.
        opening = prompt.rsplit("\n", 1)[-1].strip()
        text = text.lstrip().removeprefix(opening) if text is not None else None
        return self._to_completion(text, answer.usage.completion_tokens if answer.usage else 0)

    def _to_completion(self, text: str | None, n_tokens: int) -> Completion:
        if text is None:
            raise LMError(
                f"'{self._spec.name}' at {self._spec.base_url} answered without any choice. Check the model name."
            )
        return Completion(text.lstrip("\n").split("\n", 1)[0], n_tokens)

    def _explain(self, error: Exception) -> str:
        where = self._spec.base_url
        if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
            return f"{where} refused the key ({error.status_code}). Set OPENAI_API_KEY or type another key."
        if isinstance(error, openai.NotFoundError):
            return f"{where} knows no model '{self._spec.name}' or no {self._spec.api} interface (404). Check both."
        if isinstance(error, openai.RateLimitError):
            return f"{where} answered 'too many requests' (429) after every retry. Wait, then resume the run."
        if isinstance(error, openai.APIStatusError):
            return (
                f"{where} answered {error.status_code} after every retry. Look at the server's "
                "log, then resume the run."
            )
        if isinstance(error, openai.APITimeoutError):
            return (
                f"{where} did not answer within {TIMEOUT_S:.0f} s. See whether the server is busy, then resume the run."
            )
        if isinstance(error, openai.APIConnectionError):
            return f"{where} cannot be reached. See that the server runs and the address is right."
        return (
            f"{where} gave an answer that cannot be read ({type(error).__name__}). Is it an OpenAI-compatible server?"
        )
