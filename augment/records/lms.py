"""Language models: how they are specified, how they sample, and what they answer."""

from dataclasses import dataclass
from enum import StrEnum

from augment.errors import AugmentError, LMError

CHARACTERS_PER_TOKEN = 3.5  # English in byte-level BPE; a cautious estimate of what a prompt costs


class LMKind(StrEnum):
    """The backend of a language model."""

    EMBEDDED = "embedded"
    TRANSFORMERS = "transformers"
    OPENAI = "openai"
    RULES = "rules"
    IMPORTED = "imported"


class EndpointApi(StrEnum):
    """Which of an OpenAI-compatible endpoint's two interfaces is used."""

    COMPLETIONS = "completions"
    CHAT = "chat"


class Quantisation(StrEnum):
    """Bits per weight of a local LM, if the library supports it on the device."""

    NONE = "none"
    INT8 = "8-bit"
    INT4 = "4-bit"


@dataclass(frozen=True, slots=True)
class LMSpec:
    """A language model and how to reach it. Contains no key: that is looked up when the LM is loaded.

    `is_structured` requests a JSON object with text and label from a chat endpoint instead of a line (strategy `free`).
    The kind `RULES` is for texts made without an LM.
    """

    kind: LMKind
    name: str
    base_url: str = ""
    api: EndpointApi = EndpointApi.COMPLETIONS
    quantisation: Quantisation = Quantisation.NONE
    is_structured: bool = False

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise LMError(
                "The language model has no name. Expected a hub name such as "
                "EleutherAI/gpt-neo-2.7B, a folder, or the endpoint's model name."
            )
        if self.kind is LMKind.OPENAI and not self.base_url.startswith(("http://", "https://")):
            raise LMError(f"The endpoint address must start with http:// or https://; found '{self.base_url}'.")


@dataclass(frozen=True, slots=True)
class EndpointAbilities:
    """What an endpoint offered when it was probed. `models` is empty if it lists none."""

    models: tuple[str, ...]
    has_logprobs: bool
    has_structured_output: bool
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Price:
    """What an endpoint charges, in its own currency per million tokens."""

    prompt_per_million: float = 0.0
    completion_per_million: float = 0.0

    def __post_init__(self) -> None:
        if self.prompt_per_million < 0 or self.completion_per_million < 0:
            raise AugmentError(
                f"A price must be 0 or more; found {self.prompt_per_million} and {self.completion_per_million}."
            )

    def cost(self, n_prompt_tokens: float, n_tokens: float) -> float:
        """The cost of this many prompt tokens and completion tokens."""
        return (n_prompt_tokens * self.prompt_per_million + n_tokens * self.completion_per_million) / 1e6


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the LM samples tokens.

    `temperature` and `top_p` as in Holtzman et al. 2020 (arXiv 1904.09751); `top_k` 0 means no cut.
    `max_new_tokens` is per completion. The same `rng_seed`, LM and dtype give the same texts on a local LM.
    """

    temperature: float = 1.0
    top_p: float = 0.9
    top_k: int = 50
    max_new_tokens: int = 60
    rng_seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.temperature <= 5:
            raise LMError(f"Temperature must be above 0 and at most 5; found {self.temperature}.")
        if not 0 < self.top_p <= 1:
            raise LMError(f"Top-p must be above 0 and at most 1; found {self.top_p}.")
        if self.top_k < 0:
            raise LMError(f"Top-k must be 0 (off) or more; found {self.top_k}.")
        if not 1 <= self.max_new_tokens <= 2048:
            raise LMError(f"New tokens must be 1 to 2048; found {self.max_new_tokens}.")


@dataclass(frozen=True, slots=True)
class Completion:
    """One raw answer of the LM. `text` is exactly what came after the prompt, without the newline at its end.

    `n_prompt_tokens` is what an endpoint counted (and bills) for the prompt; 0 on a local LM.
    """

    text: str
    n_tokens: int
    n_prompt_tokens: int = 0


@dataclass(frozen=True, slots=True)
class LabelQuestion:
    """The question for a text's label: score each of `labels` right after the text and `mark`.

    All strings are as in the prompt, with leading spaces: ' (Sentiment:' and ' joy'. With `content_free` (' N/A'), the
    labels are also scored after that text, once per prompt, for calibration.
    """

    mark: str
    labels: tuple[str, ...]
    content_free: str | None = None


@dataclass(frozen=True, slots=True)
class ScoredCompletion:
    """A completion and the log-probabilities in nats of each label after it, and after the content-free text."""

    completion: Completion
    label_logprobs: tuple[float, ...]
    content_free_logprobs: tuple[float, ...] | None = None
