"""How the LM is asked and how labels are decided; one registry. Knows nothing of runs, targets or storage."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from augment.lms import LanguageModel
from augment.prompts import ParsedCompletion, parse_completion
from augment.records import Completion, GenerationConfig, Sampling


@dataclass(frozen=True, slots=True)
class Outcome:
    """One completion and what it was read as. `label_probs` follow the task's label order where they were scored."""

    completion: Completion
    parsed: ParsedCompletion
    label_probs: tuple[float, ...] | None = None


Strategy = Callable[[GenerationConfig, LanguageModel, Sequence[str], Sampling], list[Outcome]]


def write_free(
    config: GenerationConfig, lm: LanguageModel, prompts: Sequence[str], sampling: Sampling
) -> list[Outcome]:
    """The LM writes text and label; what does not parse is a reject.

    Source: the reference notebook's loop.
    """
    return [
        Outcome(completion, parse_completion(config.template, config.labels, completion.text))
        for completion in lm.complete(prompts, sampling)
    ]


STRATEGIES: Mapping[str, Strategy] = {"free": write_free}
