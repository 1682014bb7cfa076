"""How texts are asked for and how their labels are decided; one registry. Knows nothing of targets or storage.

Each strategy gets the planned attempts of one batch and answers with one outcome each; None where the LM failed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np

from augment.errors import LMError, NoScoresError, PartialError
from augment.generation.strategies.eda import augment_text
from augment.generation.strategies.synonyms import find_synonyms
from augment.generation.strategies.word_templates import fill_template
from augment.lms import LanguageModel
from augment.prompts.few_shot import FewShot
from augment.prompts.template import ParsedCompletion, ask_label, parse_completion
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


@dataclass(frozen=True, slots=True)
class Planned:
    """One attempt before it is made: its number, its prompt, the seeds in it, and the label where it is given."""

    number: int
    prompt: str
    seed_ids: tuple[int, ...]
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One batch for a strategy. `lm` is None where the strategy needs none."""

    config: GenerationConfig
    lm: LanguageModel | None
    shots: FewShot
    planned: Sequence[Planned]
    sampling: Sampling

    @property
    def prompts(self) -> list[str]:
        """The prompts, one an attempt."""
        return [one.prompt for one in self.planned]

    def writer(self) -> LanguageModel:
        """The LM of a strategy that needs one.

        Raises:
            LMError: there is none.
        """
        if self.lm is None:
            raise LMError(f"Strategy '{self.config.strategy}' needs a language model. Choose one.")
        return self.lm


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a batch, in the order of its attempts; where the LM failed midway, how, and None for the rest."""

    outcomes: Sequence[Outcome | None]
    error: LMError | None = None


@dataclass(frozen=True, slots=True)
class Strategy:
    """A way to write.

    `gives_label` decides the label before the text, so that quotas are met exactly; `changes_seed` makes each text of
    one seed; `needs_scores` asks an LM that gives label scores; `skips` names checks that its texts fail by nature.
    """

    title: str
    summary: str
    write: Callable[[Request], Written]
    gives_label: bool = False
    needs_lm: bool = True
    needs_scores: bool = False
    changes_seed: bool = False
    skips: frozenset[RejectReason] = frozenset()


# With a language model ------------------------------------------------------------------------------------------------


def write_free(request: Request) -> Written:
    """The LM writes text and label; what does not parse is a reject.

    Source: the reference notebook's loop.
    """
    config, lm = request.config, request.writer()
    answers, error = _ask(lambda: lm.complete(request.prompts, request.sampling, labels=config.labels))
    outcomes = [
        Outcome(answer, parse_completion(config.template, config.labels, answer.text)) if answer else None
        for answer in answers
    ]
    return Written(outcomes, error)


def write_mix(request: Request) -> Written:
    """GPT3Mix: the LM writes the text, every label is scored after it, the most probable one is proposed.

    Every text that is not empty is valid; its label probabilities are the soft label. With `config.is_calibrated` they
    are divided by those of a content-free text and normalised.

    Source: Yoo et al. 2021 (arXiv 2104.08826), section 3.3; Zhao et al. 2021 (arXiv 2102.09690), section 5.
    """
    config, lm = request.config, request.writer()
    question = ask_label(config.template, config.labels, is_calibrated=config.is_calibrated)
    answers, error = _ask(lambda: lm.complete_and_score(request.prompts, request.sampling, question))
    return Written([_read_scored(config, question, answer) if answer else None for answer in answers], error)


def write_conditional(request: Request) -> Written:
    """The label is given: seeds of that label are shown (contrasting ones before them), the text is written for it.

    The label probabilities are still scored, after one balanced prompt that does not give the label away, so that a
    text whose probabilities disagree can be flagged. Quotas make the label balance exact.

    Source: label-conditioned few-shot prompting as in PromDA (Wang et al. 2022, arXiv 2202.12499) and AugGPT (Dai et
    al. 2023, arXiv 2302.13007); scores as `write_mix`.
    """
    config, lm, behind = request.config, request.writer(), request.shots.scoring_prompt
    question = ask_label(config.template, config.labels, is_calibrated=config.is_calibrated)
    try:
        answers, error = _ask(lambda: lm.complete_and_score(request.prompts, request.sampling, question, after=behind))
    except NoScoresError:  # the label is given: without scores only the flag is missing
        answers, error = _ask(lambda: lm.complete(request.prompts, request.sampling))
    outcomes = [
        _read_given(question, planned, answer) if answer else None
        for planned, answer in zip(request.planned, answers, strict=True)
    ]
    return Written(outcomes, error)


def _read_given(question: LabelQuestion, planned: Planned, answer: Completion | ScoredCompletion) -> Outcome:
    completion = answer.completion if isinstance(answer, ScoredCompletion) else answer
    text = completion.text.partition(question.mark.strip())[0].strip()
    if not text:
        return Outcome(completion, _empty())
    probs = label_probabilities(answer) if isinstance(answer, ScoredCompletion) else None
    return Outcome(completion, ParsedCompletion(text, str(planned.label)), probs)


def _ask(ask: Callable[[], Sequence[Any]]) -> tuple[Sequence[Any], LMError | None]:
    """What the LM answered, and how it failed where it failed midway."""
    try:
        return ask(), None
    except PartialError as error:
        return error.answers, error


def _read_scored(config: GenerationConfig, question: LabelQuestion, scored: ScoredCompletion) -> Outcome:
    text = scored.completion.text.partition(question.mark.strip())[0].strip()
    if not text:
        return Outcome(scored.completion, _empty())
    probs = label_probabilities(scored)
    label = config.labels[probs.index(max(probs))]
    return Outcome(scored.completion, ParsedCompletion(text, label), probs)


def _empty() -> ParsedCompletion:
    return ParsedCompletion("", "", RejectReason.EMPTY, "no text was written")


def label_probabilities(scored: ScoredCompletion) -> tuple[float, ...]:
    """The label scores as probabilities among the labels; calibrated where a content-free text was scored too."""
    logits = np.array(scored.label_logprobs)
    if scored.content_free_logprobs is not None:
        logits = logits - np.array(scored.content_free_logprobs)
    weights = np.exp(logits - logits.max())
    return tuple(float(value) for value in weights / weights.sum())


# Without one, for comparison ------------------------------------------------------------------------------------------


def write_templates(request: Request) -> Written:
    """Label-word templates: a pattern such as "i feel {word}" filled with a word of the given label.

    No text is learnt from the seeds; it asks how much of an LM's help is only its knowledge of label words.
    """
    config = request.config
    if config.word_templates is None:
        raise LMError("The strategy 'templates' needs words and patterns. Fill them in on the Generate page.")
    outcomes = []
    for planned in request.planned:
        label = str(planned.label)
        text = fill_template(config.word_templates, label, _rng(config, planned))
        outcomes.append(Outcome(Completion(text, 0), ParsedCompletion(text, label)))
    return Written(outcomes)


def write_eda(request: Request) -> Written:
    """Easy data augmentation: a seed of the given label with synonyms replaced or inserted, words swapped or deleted.

    Source: Wei & Zou 2019 (arXiv 1901.11196), section 2; synonyms from WordNet 3.0.
    """
    by_id = {seed.id: seed for seed in request.shots.seeds}
    outcomes = []
    for planned in request.planned:
        seed = by_id[planned.seed_ids[0]]
        text = augment_text(seed.text, _rng(request.config, planned), find_synonyms)
        outcomes.append(Outcome(Completion(text, 0), ParsedCompletion(text, str(planned.label))))
    return Written(outcomes)


def _rng(config: GenerationConfig, planned: Planned) -> Random:
    return Random(f"{config.sampling.rng_seed}:{planned.number}")


_ALIKE = frozenset({RejectReason.NEAR_DUPLICATE})

STRATEGIES: Mapping[str, Strategy] = {
    "mix": Strategy(
        "mix (GPT3Mix)",
        "The LM writes the text; every label is scored after it. Every text that is not empty is valid.",
        write_mix,
        needs_scores=True,
    ),
    "free": Strategy(
        "free",
        "The notebook's way: the LM writes text and label; what does not parse is a reject.",
        write_free,
    ),
    "conditional": Strategy(
        "conditional",
        "Seeds of one label are shown, the text is written for it; labels come out exactly as wanted.",
        write_conditional,
        gives_label=True,
    ),
    "templates": Strategy(
        "label-word templates, no LM",
        "Patterns such as 'i feel {word}' filled with each label's words: a baseline without a language model.",
        write_templates,
        gives_label=True,
        needs_lm=False,
        skips=_ALIKE,
    ),
    "eda": Strategy(
        "EDA, no LM",
        "Seeds with words replaced by synonyms, inserted, swapped or deleted (Wei & Zou 2019).",
        write_eda,
        gives_label=True,
        needs_lm=False,
        changes_seed=True,
        skips=_ALIKE,
    ),
}
