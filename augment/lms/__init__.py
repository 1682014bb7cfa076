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
from augment.hardware.memory import MemoryNeed
from augment.records import Completion, LabelQuestion, LMKind, LMSpec, Sampling, ScoredCompletion
from augment.records.lms import EndpointAbilities

EMBEDDED_LM = LMSpec(LMKind.EMBEDDED, LM_NAME)
GEMMA = LMSpec(LMKind.EMBEDDED, GEMMA_NAME)
GPT_J = LMSpec(LMKind.TRANSFORMERS, "EleutherAI/gpt-j-6b")
GPT_NEO = LMSpec(LMKind.TRANSFORMERS, "EleutherAI/gpt-neo-2.7B")


class LanguageModel(Protocol):
    """What writes. One object may be asked from one thread at a time (`augment.lms.cache` sees to that)."""

    @property
    def notes(self) -> Sequence[str]:
        """What a person should know about how the LM is asked, such as a parameter that its server refused."""
        ...

    def complete(self, prompts: Sequence[str], sampling: Sampling, *, labels: Sequence[str] = ()) -> list[Completion]:
        """One completion a prompt, in order, each ended at the first line break or `sampling.max_new_tokens`.

        `labels` are those that an answer may carry, for an LM that can be held to them; the others ignore them.

        Raises:
            LMError: a prompt is too long, or the LM does not answer.
            PartialError: the LM answered some prompts only.
        """
        ...

    def complete_and_score(
        self, prompts: Sequence[str], sampling: Sampling, question: LabelQuestion, *, after: str | None = None
    ) -> list[ScoredCompletion]:
        """As `complete`, but each text ends at its line break or the label mark, and its label is scored.

        The completion keeps what the LM wrote, a mark of its own included; texts are scored with theirs cut off. With
        `after` they are scored behind that prompt instead of their own, which may give the label away.

        Raises:
            LMError: as `complete`.
            NoScoresError: the LM gives no label scores.
            PartialError: as `complete`; its answers are ScoredCompletions.
        """
        ...

    def label_logprobs(self, contexts: Sequence[str], labels: Sequence[str]) -> NDArray[np.float64]:
        """Log-probability in nats of each label string right after each context: (len(contexts), len(labels)).

        Raises:
            NoScoresError: the LM gives no such scores.
        """
        ...

    def count_tokens(self, text: str) -> int | None:
        """Tokens of `text` by the LM's own vocabulary, or None where the LM does not tell."""
        ...


class Endpoint(LanguageModel, Protocol):
    """An LM behind a server, which also says what it offers."""

    def list_models(self) -> tuple[str, ...]:
        """The server's model names; none where it does not list them.

        Raises:
            LMError: it cannot be reached or refuses the key.
        """
        ...

    def probe(self) -> EndpointAbilities:
        """Send two or three short requests to find out what the model can do.

        Raises:
            LMError: as `list_models`, or the server does not know the model.
        """
        ...


def load_endpoint(spec: LMSpec, key: str | None) -> Endpoint:
    """Connect to an endpoint; nothing is sent yet. `key` is kept in the returned object only."""
    from augment.lms.endpoint.lm import EndpointLM  # loads openai

    return EndpointLM(spec, key)


def _load_local(spec: LMSpec, _key: str | None) -> LanguageModel:
    from augment.lms.loading import load_local  # loads torch and transformers

    return load_local(spec)


LMS: dict[LMKind, Callable[[LMSpec, str | None], LanguageModel]] = {
    LMKind.EMBEDDED: _load_local,
    LMKind.TRANSFORMERS: _load_local,
    LMKind.OPENAI: load_endpoint,
}


def measure(spec: LMSpec) -> MemoryNeed | None:
    """What a local LM would need and what is free, before any weight is read; None for one that is not local.

    Raises:
        LMError: there is no such model.
    """
    if spec.kind not in (LMKind.EMBEDDED, LMKind.TRANSFORMERS):
        return None
    from augment.lms.loading import measure_local  # loads torch and transformers

    return measure_local(spec)


def load(spec: LMSpec, *, key: str | None = None) -> LanguageModel:
    """Load the LM that `spec` names; `key` is an endpoint's API key, kept in the returned object only.

    Raises:
        LMError: it is not there, does not fit into memory, or cannot write (imported texts).
    """
    if spec.kind not in LMS:
        raise LMError(f"'{spec.name}' is the name of imported texts; it cannot write new ones. Choose another LM.")
    return LMS[spec.kind](spec, key)
