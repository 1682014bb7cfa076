"""Which language model, how it is asked, and what it answers."""

from dataclasses import dataclass
from enum import StrEnum

from augment.errors import LMError


class LMKind(StrEnum):
    """Which backend asks a language model."""

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
    """How many bits a local LM's weights are held in, where the library offers it on the device."""

    NONE = "none"
    INT8 = "8-bit"
    INT4 = "4-bit"


@dataclass(frozen=True, slots=True)
class LMSpec:
    """Which language model, and how it is reached. Holds no key: that is looked up when the LM is loaded.

    `is_structured` asks a chat endpoint for a JSON object of text and label instead of a line (strategy `free`).
    `RULES` names texts that are made without any LM.
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
    """What an endpoint turned out to offer when it was probed. `models` is empty where it lists none."""

    models: tuple[str, ...]
    has_logprobs: bool
    has_structured_output: bool
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the LM draws tokens.

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
    """One raw answer of the LM. `text` is exactly what came after the prompt, the stop newline left out.

    `n_prompt_tokens` is what an endpoint counted (and bills) for the prompt; 0 on a local LM.
    """

    text: str
    n_tokens: int
    n_prompt_tokens: int = 0


@dataclass(frozen=True, slots=True)
class LabelQuestion:
    """How an LM is asked for a text's label: score each of `labels` right after text and `mark`.

    All strings as they stand in the prompt: ' (Sentiment:' and ' joy', leading spaces included. With `content_free`
    (' N/A') the same is asked once a prompt of a text that says nothing, to calibrate by.
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
