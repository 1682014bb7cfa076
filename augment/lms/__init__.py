"""Language models behind one Protocol, in a registry of lazy factories. Importing this module loads no library.

`load(spec)` returns a `LanguageModel`. The factories import their backend when they are called: torch and transformers
for local LMs, openai for endpoints.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from augment.embedded import GEMMA_NAME, LM_NAME
from augment.errors import LMError
from augment.hardware.imports import importing_alone
from augment.hardware.memory import MemoryNeed
from augment.records import Completion, LabelQuestion, LMKind, LMSpec, Sampling, ScoredCompletion
from augment.records.lms import EndpointAbilities

EMBEDDED_LM = LMSpec(LMKind.EMBEDDED, LM_NAME)
GEMMA = LMSpec(LMKind.EMBEDDED, GEMMA_NAME)
GPT_J = LMSpec(LMKind.TRANSFORMERS, "EleutherAI/gpt-j-6b")
GPT_NEO = LMSpec(LMKind.TRANSFORMERS, "EleutherAI/gpt-neo-2.7B")


class LanguageModel(Protocol):
    """A model that completes prompts. Not thread-safe; `augment.lms.cache` lends it to one caller at a time."""

    @property
    def notes(self) -> Sequence[str]:
        """What the user should know about the requests to the LM, such as a parameter that its server refused."""
        ...

    @property
    def n_scoring_tokens(self) -> int:
        """Tokens that an endpoint counted (and bills) for `label_logprobs` so far; 0 on a local LM."""
        ...

    def complete(self, prompts: Sequence[str], sampling: Sampling, *, labels: Sequence[str] = ()) -> list[Completion]:
        """One completion per prompt, in order. Each ends at the first line break or after `sampling.max_new_tokens`.

        `labels` are the labels allowed in an answer, for an LM with structured output; other LMs ignore them.

        Raises:
            LMError: a prompt is too long, or the LM does not answer.
            PartialError: the LM answered only some prompts.
        """
        ...

    def complete_and_score(
        self, prompts: Sequence[str], sampling: Sampling, question: LabelQuestion, *, after: str | None = None
    ) -> list[ScoredCompletion]:
        """Like `complete`, but each text ends at its line break or the label mark, and the labels are scored after it.

        The completion keeps all that the LM wrote, including a label mark; for scoring, the text is cut at the mark.
        With `after`, texts are scored after that prompt instead of their own prompt, which may reveal the label.

        Raises:
            LMError: see `complete`.
            NoScoresError: the LM gives no label scores.
            PartialError: see `complete`; its answers are ScoredCompletions.
        """
        ...

    def label_logprobs(self, contexts: Sequence[str], labels: Sequence[str]) -> NDArray[np.float64]:
        """Log-probability in nats of each label string right after each context: (len(contexts), len(labels)).

        Raises:
            NoScoresError: the LM gives no label scores.
        """
        ...

    def count_tokens(self, text: str) -> int | None:
        """Number of tokens of `text` in the LM's own vocabulary; None if the LM cannot count them."""
        ...


class Endpoint(LanguageModel, Protocol):
    """An LM behind a server, with methods to find out what the server offers."""

    def list_models(self) -> tuple[str, ...]:
        """The server's model names; empty if it does not list them.

        Raises:
            LMError: the server cannot be reached or refuses the key.
        """
        ...

    def probe(self) -> EndpointAbilities:
        """Send two or three short requests to find out what the model can do.

        Raises:
            LMError: see `list_models`; or the server does not have the model.
        """
        ...


def load_endpoint(spec: LMSpec, key: str | None) -> Endpoint:
    """Create the LM of an endpoint; nothing is sent yet. `key` is kept in the returned object only."""
    with importing_alone:
        from augment.lms.endpoint.lm import EndpointLM  # loads openai

        return EndpointLM(spec, key)


def _load_local(spec: LMSpec, _key: str | None) -> LanguageModel:
    with importing_alone:
        from augment.lms.loading import load_local  # loads torch and transformers

        return load_local(spec)


LMS: dict[LMKind, Callable[[LMSpec, str | None], LanguageModel]] = {
    LMKind.EMBEDDED: _load_local,
    LMKind.TRANSFORMERS: _load_local,
    LMKind.OPENAI: load_endpoint,
}


def measure(spec: LMSpec) -> MemoryNeed | None:
    """The memory that a local LM needs and that is free, before weights are read; None for an LM that is not local.

    Raises:
        LMError: there is no such model.
    """
    if spec.kind not in (LMKind.EMBEDDED, LMKind.TRANSFORMERS):
        return None
    with importing_alone:
        from augment.lms.loading import measure_local  # loads torch and transformers

        return measure_local(spec)


def load(spec: LMSpec, *, key: str | None = None) -> LanguageModel:
    """Load the LM that `spec` names; `key` is an endpoint's API key, kept in the returned object only.

    Raises:
        LMError: it does not exist, does not fit into memory, or cannot write (imported texts).
    """
    if spec.kind not in LMS:
        raise LMError(f"'{spec.name}' is the name of imported texts; it cannot write new ones. Choose another LM.")
    return LMS[spec.kind](spec, key)
