"""How the LM is asked and how labels are decided; one registry. Knows nothing of runs, targets or storage."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from augment.lms import LanguageModel
from augment.prompts import ParsedCompletion, ask_label, parse_completion
from augment.records import (
    Completion,
    GenerationConfig,
    LabelQuestion,
    RejectReason,
    Sampling,
    ScoredCompletion,
)


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


def write_mix(config: GenerationConfig, lm: LanguageModel, prompts: Sequence[str], sampling: Sampling) -> list[Outcome]:
    """GPT3Mix: the LM writes the text, every label is scored after it, the most probable one is proposed.

    Every text that is not empty is valid; its label probabilities are the soft label. With `config.is_calibrated` they
    are divided by those of a content-free text and normalised.

    Source: Yoo et al. 2021 (arXiv 2104.08826), section 3.3; Zhao et al. 2021 (arXiv 2102.09690), section 5.
    """
    question = ask_label(config.template, config.labels, is_calibrated=config.is_calibrated)
    return [_read_scored(config, question, scored) for scored in lm.complete_and_score(prompts, sampling, question)]


def _read_scored(config: GenerationConfig, question: LabelQuestion, scored: ScoredCompletion) -> Outcome:
    text = scored.completion.text.partition(question.mark.strip())[0].strip()
    if not text:
        return Outcome(scored.completion, ParsedCompletion("", "", RejectReason.EMPTY, "no text before the label"))
    probs = label_probabilities(scored)
    label = config.labels[probs.index(max(probs))]
    return Outcome(scored.completion, ParsedCompletion(text, label), probs)


def label_probabilities(scored: ScoredCompletion) -> tuple[float, ...]:
    """The label scores as probabilities among the labels; calibrated where a content-free text was scored too."""
    logits = np.array(scored.label_logprobs)
    if scored.content_free_logprobs is not None:
        logits = logits - np.array(scored.content_free_logprobs)
    weights = np.exp(logits - logits.max())
    return tuple(float(value) for value in weights / weights.sum())


STRATEGIES: Mapping[str, Strategy] = {"free": write_free, "mix": write_mix}
