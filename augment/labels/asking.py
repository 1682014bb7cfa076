"""Ask a language model for the labels of texts that it did not write. Pure: gets the LM, does not use the store.

Each text is put into several prompts with different seeds, and the log-probabilities of its labels are averaged. Seeds
are put only into prompts that do not show them, so that they show how right the LM is: they are dealt to as many folds
as there are prompts, and each prompt leaves out one fold. An LM without label scores answers with a label instead, and
its answers are counted.

Source: Zhao et al. 2021 (arXiv 2102.09690), section 5, for calibration by a content-free text.
"""

import math
import random
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from augment.errors import AugmentError, LMError, NoScoresError, PartialError
from augment.lms import LanguageModel
from augment.prompts.few_shot import DrawnPrompt, choose_balanced
from augment.prompts.parsing import parse_completion
from augment.prompts.template import ask_label, label_mark, render_prompt
from augment.records import (
    Completion,
    Example,
    LabelledText,
    LabellingConfig,
    LabellingProgress,
    LabelOpinion,
    RejectReason,
    Sampling,
)
from augment.records.copies import normalise_text
from augment.records.lms import CHARACTERS_PER_TOKEN
from augment.wording import plural

FIRST_BATCH_SHARE = 4  # the first batch is this many times smaller, so that progress appears soon
SEEDS_PER_LABEL = 2  # at least, in every prompt
ANSWER_TOKENS, ITEM_TOKENS = 16, 200  # at most: of a label, and of a JSON object with the text and the label
GUESSED_ANSWER_TOKENS = 4  # of a label with its closing bracket

Probs = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class LabellingGuess:
    """What a labelling run would ask, and its cost by the config's price."""

    n_questions: int
    cost: float


@dataclass(frozen=True, slots=True)
class _Item:
    """A text or a seed to ask about, and the prompts that it is put into."""

    text: str
    prompts: tuple[int, ...]
    text_id: int | None = None
    example_id: int | None = None


def ask_labels(
    config: LabellingConfig,
    lm: LanguageModel,
    seeds: Sequence[Example],
    texts: Mapping[int, str],
    *,
    known_seeds: Collection[int] = (),
    resume_from: LabellingProgress | None = None,
) -> Iterator[LabelOpinion | LabellingProgress]:
    """Ask for the labels of `texts` (by id) and of all seeds but `known_seeds`; yields each batch, then its progress.

    `resume_from` counts what was asked before. A text whose answers name no label gets no opinion. If the LM fails
    midway, the opinions that are complete are yielded before the error is raised.

    Raises:
        AugmentError: there are too few seeds, the template is invalid, or the LM fails.
    """
    prompts = draw_prompts(config, seeds)
    items = _list_items(prompts, seeds, texts, known_seeds)
    progress = resume_from or LabellingProgress(0, 0, 0.0)
    progress = replace(progress, n_total=progress.n_done + sum(len(item.prompts) for item in items))
    yield from _Labelling(config, lm, [prompt.text for prompt in prompts]).drive(items, progress)


def guess_labelling(
    config: LabellingConfig, seeds: Sequence[Example], texts: Mapping[int, str], *, known_seeds: Collection[int] = ()
) -> LabellingGuess:
    """How many questions `ask_labels` would ask, and what they cost, from their lengths.

    Raises:
        AugmentError: see `ask_labels`.
    """
    prompts = draw_prompts(config, seeds)
    items = _list_items(prompts, seeds, texts, known_seeds)
    lengths = [len(prompts[number].text) + len(item.text) for item in items for number in item.prompts]
    n_tokens: float = len(lengths) * GUESSED_ANSWER_TOKENS
    if config.lm.is_structured:  # the answer repeats the text
        n_tokens += sum(len(item.text) * len(item.prompts) for item in items) / CHARACTERS_PER_TOKEN
    return LabellingGuess(len(lengths), config.price.cost(sum(lengths) / CHARACTERS_PER_TOKEN, n_tokens))


def draw_prompts(config: LabellingConfig, seeds: Sequence[Example]) -> list[DrawnPrompt]:
    """The prompts: each with seeds of all folds but one, evenly over the labels. Deterministic.

    Raises:
        AugmentError: there are fewer than two seeds, a seed has an unknown label, or the template is invalid.
    """
    folds = _deal_folds(config, seeds)
    n = max(config.seeds_per_prompt, SEEDS_PER_LABEL * len(config.labels))
    ordered = sorted(seeds, key=lambda seed: seed.id)
    prompts = []
    for fold in range(config.n_prompts):
        pool = [seed for seed in ordered if folds[seed.id] != fold]
        chosen = choose_balanced(pool, n, random.Random(f"{config.rng_seed}:prompt:{fold}"))
        shown = [LabelledText(seed.text, seed.label) for seed in chosen]
        text = render_prompt(config.template, config.labels, shown)
        prompts.append(DrawnPrompt(text, tuple(seed.id for seed in chosen)))
    return prompts


def _deal_folds(config: LabellingConfig, seeds: Sequence[Example]) -> dict[int, int]:
    """The fold of each seed by its id: dealt in turn within each label, in random order."""
    unknown = sorted({seed.label for seed in seeds} - set(config.labels))
    if unknown:
        raise AugmentError(
            f"The seeds have labels that the task does not have: {', '.join(unknown)}. Choose another seed set."
        )
    if len(seeds) < 2:
        raise AugmentError(f"Labelling needs at least 2 seeds; found {len(seeds)}. Draw seeds on the Seeds page first.")
    rng = random.Random(f"{config.rng_seed}:folds")
    folds: dict[int, int] = {}
    for label in config.labels:
        own = sorted(seed.id for seed in seeds if seed.label == label)
        rng.shuffle(own)
        first = len(folds)  # so that labels with few seeds do not all lose them to the same fold
        folds |= {seed_id: (first + turn) % config.n_prompts for turn, seed_id in enumerate(own)}
    return folds


def read_label(config: LabellingConfig, answer: str) -> str | None:
    """The label that an answer names, ignoring case; None if it names none. Nothing is guessed.

    The answer continues an item after its label mark, repeats the item, or is a JSON object with a label.
    """
    mark = f"text{label_mark(config.template)}"
    for line in (mark + answer.strip(), mark + answer.strip(" .!"), answer):
        parsed = parse_completion(config.template, config.labels, line)
        if parsed.label in config.labels and parsed.reason in (None, RejectReason.EMPTY):  # only its text is missing
            return parsed.label
    return None


def _list_items(
    prompts: Sequence[DrawnPrompt], seeds: Sequence[Example], texts: Mapping[int, str], known_seeds: Collection[int]
) -> list[_Item]:
    """The seeds, then the texts, each with the prompts that do not show it."""
    shown = [{normalise_text(seed.text) for seed in seeds if seed.id in prompt.seed_ids} for prompt in prompts]

    def without(text: str) -> tuple[int, ...]:
        key = normalise_text(text)
        return tuple(number for number, there in enumerate(shown) if key not in there)

    new_seeds = sorted((seed for seed in seeds if seed.id not in known_seeds), key=lambda seed: seed.id)
    items = [_Item(seed.text, without(seed.text), example_id=seed.id) for seed in new_seeds]
    items += [_Item(text, without(text), text_id=text_id) for text_id, text in sorted(texts.items())]
    return [item for item in items if item.prompts]


class _Labelling:
    """One call of `ask_labels`: the config, the LM and the prompts."""

    def __init__(self, config: LabellingConfig, lm: LanguageModel, prompts: Sequence[str]) -> None:
        self._config, self._lm, self._prompts = config, lm, prompts
        self._question = ask_label(config.template, config.labels, is_calibrated=config.is_calibrated)
        self._content_free: dict[int, NDArray[np.float64]] = {}  # log-probabilities, by prompt
        self._has_scores = True  # until the LM says otherwise

    def drive(self, items: Sequence[_Item], progress: LabellingProgress) -> Iterator[LabelOpinion | LabellingProgress]:
        """Yield the opinions of each batch, then its progress."""
        started, at, n_without = time.monotonic() - progress.elapsed_s, 0, 0
        while at < len(items):
            batch = self._take_batch(items, at, progress)
            if not batch:
                yield replace(progress, message=self._budget_message(progress))
                return
            answers, cost, error = self._ask(batch)
            for item, probs in zip(batch, answers, strict=True):
                if probs:
                    yield LabelOpinion(probs, item.text_id, item.example_id)
            n_without += sum(probs == () for probs in answers)
            n_asked = sum(len(item.prompts) for item, probs in zip(batch, answers, strict=True) if probs is not None)
            progress = replace(
                progress,
                n_done=progress.n_done + n_asked,
                elapsed_s=time.monotonic() - started,
                message=self._message(n_without),
                cost=progress.cost + cost,
            )
            yield progress
            if error is not None:
                raise error
            at += len(batch)
        if not items:
            yield progress

    def _take_batch(self, items: Sequence[_Item], at: int, progress: LabellingProgress) -> Sequence[_Item]:
        """The next items, as many as the budget allows."""
        config = self._config
        size = config.batch_size if at else math.ceil(config.batch_size / FIRST_BATCH_SHARE)
        batch = items[at : at + size]
        if config.budget is None:
            return batch
        if progress.cost and progress.n_done:
            each = progress.cost / progress.n_done
        else:
            length = max(map(len, self._prompts)) + max(len(item.text) for item in batch)
            each = config.price.cost(length / CHARACTERS_PER_TOKEN, self._max_tokens)
        left = config.budget - progress.cost
        return [
            item
            for item, n in zip(batch, accumulate(len(item.prompts) for item in batch), strict=True)
            if n * each <= left
        ]

    def _ask(self, batch: Sequence[_Item]) -> tuple[list[Probs | None], float, LMError | None]:
        """Ask about a batch; returns its probabilities, its cost and the LM's error.

        An item has () if the LM named no label, and None if the LM failed.
        """
        if self._has_scores:
            try:
                n_before = self._lm.n_scoring_tokens
                scored: list[Probs | None] = [*self._score(batch)]
                return scored, self._config.price.cost(self._lm.n_scoring_tokens - n_before, 0), None
            except NoScoresError:
                self._has_scores = False
        return self._count_answers(batch)

    def _score(self, batch: Sequence[_Item]) -> list[Probs]:
        """Calibrated log-probabilities of each item, averaged over its prompts, as probabilities."""
        sums = np.zeros((len(batch), len(self._config.labels)))
        for number in range(len(self._prompts)):  # one prompt at a time, so that the LM reads it once
            rows = [i for i, item in enumerate(batch) if number in item.prompts]
            if not rows:
                continue
            contexts = [self._context(number, " " + _one_line(batch[i].text)) for i in rows]
            content_free = self._question.content_free if number not in self._content_free else None
            if content_free is not None:
                contexts.append(self._context(number, content_free))
            logs = self._lm.label_logprobs(contexts, self._question.labels)
            if content_free is not None:
                logs, self._content_free[number] = logs[:-1], logs[-1]
            sums[rows] += logs - self._content_free.get(number, 0.0)
        means = sums / np.array([[len(item.prompts)] for item in batch])
        weights = np.exp(means - means.max(-1, keepdims=True))
        return [tuple(float(prob) for prob in row) for row in weights / weights.sum(-1, keepdims=True)]

    def _count_answers(self, batch: Sequence[_Item]) -> tuple[list[Probs | None], float, LMError | None]:
        """For each item, the share of its prompts whose answer names each label."""
        config = self._config
        asked = [(i, number) for i, item in enumerate(batch) for number in item.prompts]
        contexts = [self._context(number, " " + _one_line(batch[i].text)) for i, number in asked]
        sampling = Sampling(0.01, top_p=1.0, max_new_tokens=self._max_tokens, rng_seed=config.rng_seed)
        answers: Sequence[Completion | None]
        error: LMError | None = None
        try:
            answers = self._lm.complete(contexts, sampling, labels=config.labels)
        except PartialError as partial:
            answers, error = partial.answers, partial
        by_item: list[list[Completion | None]] = [[] for _ in batch]
        for (i, _), answer in zip(asked, answers, strict=True):
            by_item[i].append(answer)
        got = [answer for answer in answers if answer is not None]
        cost = sum(config.price.cost(answer.n_prompt_tokens, answer.n_tokens) for answer in got)
        return [self._share(of_item) for of_item in by_item], cost, error

    def _share(self, answers: Sequence[Completion | None]) -> Probs | None:
        named = [read_label(self._config, answer.text) for answer in answers if answer is not None]
        if len(named) < len(answers):
            return None
        n_named = sum(label is not None for label in named)
        return tuple(named.count(label) / n_named for label in self._config.labels) if n_named else ()

    def _context(self, number: int, text: str) -> str:
        return self._prompts[number] + text + self._question.mark

    @property
    def _max_tokens(self) -> int:
        return ITEM_TOKENS if self._config.lm.is_structured else ANSWER_TOKENS

    def _message(self, n_without: int) -> str:
        without = f"No label was named for {plural(n_without, 'text')}." if n_without else ""
        return " ".join(part for part in (without, *self._lm.notes) if part)

    def _budget_message(self, progress: LabellingProgress) -> str:
        return (
            f"Stopped before exceeding the budget of {self._config.budget:g}: {progress.cost:.4g} spent on "
            f"{progress.n_done:,} of {progress.n_total:,} questions. Raise the budget to continue."
        )


def _one_line(text: str) -> str:
    return " ".join(text.split())
