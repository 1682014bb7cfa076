"""The LM behind any OpenAI-compatible endpoint: completions and chat, a batch of prompts at a time.

Servers differ, so `EndpointLM.probe` finds out what a server can do. A batch that fails midway keeps the answers so
far. Labels are scored by their first token, as no server gives more. `augment.lms.endpoint.client` sends the requests.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from augment.errors import LMError, NoScoresError, PartialError
from augment.lms.endpoint.answers import is_item, item_format, score_labels
from augment.lms.endpoint.client import EndpointClient, Params
from augment.records import Completion, LabelQuestion, LMSpec, Sampling, ScoredCompletion
from augment.records.lms import EndpointAbilities

CONCURRENCY = 4
TIMEOUT_S = 120.0
CHAT_INSTRUCTION = "Continue the list with the next item. Answer with the rest of the last line only."
ITEM_INSTRUCTION = (
    "Continue the list with the next item. Answer with a JSON object only: its 'text' is the item's text, "
    "its 'label' is one of {labels}."
)
LABEL_INSTRUCTION = "Continue the last line with its label. Answer with one of {labels} and nothing else."
PROBE_PROMPT = "Say hello."
PROBE_LABELS = ("warm", "cold")

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _LabelScores:
    logprobs: tuple[float, ...]
    n_tokens: int  # in the request and its answer


class EndpointLM:
    """A model behind an OpenAI-compatible endpoint. Each object remembers what its server refuses."""

    def __init__(self, spec: LMSpec, key: str | None, *, timeout_s: float = TIMEOUT_S) -> None:
        self._spec = spec
        self._client = EndpointClient(spec, key, timeout_s=timeout_s)
        self._refusals = self._client.refusals
        self._n_scoring_tokens = 0

    @property
    def notes(self) -> Sequence[str]:
        """What the server refused or left out so far, each once."""
        return self._refusals.notes

    @property
    def n_scoring_tokens(self) -> int:
        """Tokens of all requests of `label_logprobs` and their answers, as the server counted them."""
        return self._n_scoring_tokens

    def count_tokens(self, text: str) -> None:
        """None: an endpoint cannot count them."""

    def complete(self, prompts: Sequence[str], sampling: Sampling, *, labels: Sequence[str] = ()) -> list[Completion]:
        """See `LanguageModel.complete`; at most CONCURRENCY requests at a time, one per prompt.

        With `is_structured`, a chat endpoint must write a JSON object with one of `labels`, which is kept as one line.
        """
        return _ask_all(
            [
                partial(self._write, prompt, _nth_sampling(sampling, row), labels=labels)
                for row, prompt in enumerate(prompts)
            ]
        )

    def complete_and_score(
        self, prompts: Sequence[str], sampling: Sampling, question: LabelQuestion, *, after: str | None = None
    ) -> list[ScoredCompletion]:
        """See `LanguageModel.complete_and_score`; labels are scored by their first token, see `score_labels`.

        A completion's `n_tokens` counts its text only. `n_prompt_tokens` includes all tokens of the request that scored
        its label; a prompt's first completion also includes those for the content-free text.
        """
        behind = prompts if after is None else [after] * len(prompts)
        distinct = list(dict.fromkeys(behind)) if question.content_free else []
        contexts = [prompt + (question.content_free or "") + question.mark for prompt in distinct]
        free = dict(zip(distinct, self._score_all(contexts, question.labels), strict=True))
        uncounted = {prompt: scores.n_tokens for prompt, scores in free.items()}
        return _ask_all(
            [
                partial(
                    self._write_and_score,
                    prompt,
                    _nth_sampling(sampling, row),
                    question,
                    behind=behind[row],
                    content_free=free.get(behind[row]),
                    n_more_tokens=uncounted.pop(behind[row], 0),
                )
                for row, prompt in enumerate(prompts)
            ]
        )

    def label_logprobs(self, contexts: Sequence[str], labels: Sequence[str]) -> NDArray[np.float64]:
        """See `LanguageModel.label_logprobs`; by first tokens, see `score_labels`."""
        scored = self._score_all(contexts, labels)
        self._n_scoring_tokens += sum(scores.n_tokens for scores in scored)
        return np.array([scores.logprobs for scores in scored]).reshape(len(contexts), len(labels))

    def list_models(self) -> tuple[str, ...]:
        """The model names that the server offers; empty if it does not list them.

        Raises:
            LMError: the server cannot be reached or refuses the key.
        """
        return self._client.list_models()

    def probe(self) -> EndpointAbilities:
        """Find out whether the server lists its models, gives label scores and supports structured output.

        Sends two short requests and, on chat, a third. A server may ignore a parameter, so the answers are checked.

        Raises:
            LMError: the server cannot be reached, refuses the key or does not have the model.
        """
        models = self.list_models()
        if not models:
            self._refusals.note("models", "lists no models; enter the model's name.")
        has_logprobs = len(self._client.send(self._build_probe).top_tokens) > 1
        has_structured_output = False
        if self._client.is_chat:
            has_structured_output = is_item(self._client.send(self._build_structured_probe).text or "", PROBE_LABELS)
        return EndpointAbilities(models, has_logprobs, has_structured_output, self._refusals.notes)

    def _build_probe(self) -> Params:
        return (
            self._client.build(PROBE_PROMPT, "Answer briefly.") | {"max_tokens": 16} | self._client.build_top_tokens()
        )

    def _build_structured_probe(self) -> Params:
        # The prompt does not mention JSON: a model writes it only if the server enforces the format.
        params = self._client.build(PROBE_PROMPT, "Answer briefly.") | {"max_tokens": 64}
        return params | {"response_format": item_format(PROBE_LABELS)}

    def _write(
        self, prompt: str, sampling: Sampling, *, labels: Sequence[str] = (), mark: str | None = None
    ) -> Completion:
        """One completion: a JSON object with one of `labels` if it is structured, else a line, up to `mark` if any."""
        is_structured = self._client.is_chat and self._spec.is_structured and bool(labels)

        def build() -> Params:
            is_item_asked = is_structured and "response_format" not in self._refusals
            instruction = ITEM_INSTRUCTION.format(labels=_quote(labels)) if is_item_asked else CHAT_INSTRUCTION
            params = self._client.build(prompt, instruction) | {
                "max_tokens": sampling.max_new_tokens,
                "temperature": sampling.temperature,
                "top_p": sampling.top_p,
                "seed": sampling.rng_seed,
            }
            # A chat answer may begin with a line break, so chat gets stop strings only if there is a mark.
            if mark is not None or not self._client.is_chat:
                params["stop"] = ["\n"] if mark is None else ["\n", mark]
            return params | ({"response_format": item_format(labels)} if is_item_asked else {})

        answer = self._client.send(build)
        text = answer.text or ""
        if is_structured and text.lstrip().startswith(("{", "```")):
            line = " ".join(text.split("\n")).strip()
        else:
            line = self._read_line(text, prompt)
            if is_structured and line.strip() and "response_format" not in self._refusals:
                self._refusals.note("response_format", "accepts 'response_format' but answers in plain lines.")
        return Completion(line, answer.n_tokens or 0, answer.n_prompt_tokens or 0)

    def _read_line(self, text: str, prompt: str) -> str:
        if self._client.is_chat:  # a chat model often repeats the open item first
            text = text.lstrip().removeprefix(prompt.rsplit("\n", 1)[-1].strip())
        return text.lstrip("\n").split("\n", 1)[0]

    def _write_and_score(
        self,
        prompt: str,
        sampling: Sampling,
        question: LabelQuestion,
        *,
        behind: str,
        content_free: _LabelScores | None,
        n_more_tokens: int,
    ) -> ScoredCompletion:
        mark = question.mark.strip()
        completion = self._write(prompt, sampling, mark=mark)
        # Not every server stops at the mark or leaves it out.
        text = completion.text.partition(mark)[0].rstrip()
        if self._client.is_chat:  # chat answers lack the space after the open item
            text = " " + text.lstrip()
        scores = self._score(behind + text + question.mark, question.labels)
        n_prompt_tokens = completion.n_prompt_tokens + scores.n_tokens + n_more_tokens
        return ScoredCompletion(
            replace(completion, n_prompt_tokens=n_prompt_tokens),
            scores.logprobs,
            content_free.logprobs if content_free else None,
        )

    def _score_all(self, contexts: Sequence[str], labels: Sequence[str]) -> list[_LabelScores]:
        try:
            return _ask_all([partial(self._score, context, labels) for context in contexts])
        except PartialError as error:  # scores are not answers to the prompts
            kind = NoScoresError if isinstance(error.__cause__, NoScoresError) else LMError
            raise kind(str(error)) from error

    def _score(self, context: str, labels: Sequence[str]) -> _LabelScores:
        def build() -> Params:
            # No temperature: some servers scale probabilities by it, and the default of 1 leaves them unchanged.
            params = self._client.build(context, LABEL_INSTRUCTION.format(labels=_quote(labels))) | {"max_tokens": 1}
            top_tokens = self._client.build_top_tokens()
            if not top_tokens:
                raise self._no_scores()
            return params | top_tokens

        answer = self._client.send(build)
        if len(answer.top_tokens) < 2:  # one token does not score the other labels
            raise self._no_scores()
        n_tokens = (answer.n_prompt_tokens or 0) + (answer.n_tokens or 0)
        return _LabelScores(score_labels(answer.top_tokens, labels), n_tokens)

    def _no_scores(self) -> NoScoresError:
        where = self._spec.base_url
        return NoScoresError(f"'{self._spec.name}' at {where} gives no label scores. Use the strategy 'free'.")


def _ask_all(asks: Sequence[Callable[[], _T]]) -> list[_T]:
    """All answers, in order. After a failure no new request is started; running requests finish and are kept.

    Raises:
        PartialError: some requests were answered.
        LMError: none were answered.
    """
    with ThreadPoolExecutor(CONCURRENCY) as pool:
        jobs = [pool.submit(ask) for ask in asks]
        wait(jobs, return_when=FIRST_EXCEPTION)
        for job in jobs:
            job.cancel()
    errors = [None if job.cancelled() else job.exception() for job in jobs]
    first = next((error for error in errors if error), None)
    if first is None:
        return [job.result() for job in jobs]
    answers = [None if job.cancelled() or error else job.result() for job, error in zip(jobs, errors, strict=True)]
    if isinstance(first, LMError) and any(answer is not None for answer in answers):
        raise PartialError(str(first), answers) from first
    raise first


def _nth_sampling(sampling: Sampling, row: int) -> Sampling:
    """Give each prompt its own seed; otherwise equal prompts would get equal answers."""
    return replace(sampling, rng_seed=sampling.rng_seed + row)


def _quote(labels: Sequence[str]) -> str:
    return ", ".join(f"'{label.strip()}'" for label in labels)
