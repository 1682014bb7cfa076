"""Generate synthetic texts and rejects from seeds, prompts and an LM. A plain generator; the caller stores the results.

Every completion becomes exactly one `SyntheticText` or one `Reject`. Each batch ends with a `GenerationProgress`: store
it together with the batch. Attempt number n draws its seeds and its tokens from (RNG seed, n), so a run that is resumed
after a batch continues as if it had never stopped.
"""

import math
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from augment.errors import AugmentError
from augment.generation.checks import check_text
from augment.generation.quotas import apportion
from augment.generation.strategies import STRATEGIES
from augment.generation.strategies.strategy import Outcome, Planned, Request, Strategy
from augment.lms import LanguageModel
from augment.prompts.few_shot import DrawnPrompt, FewShot
from augment.prompts.template import check_template
from augment.records import (
    Attempt,
    CheckAction,
    Example,
    Finding,
    GenerationConfig,
    GenerationProgress,
    Reject,
    RejectReason,
    SyntheticText,
)
from augment.records.copies import CopyCheck
from augment.records.lms import CHARACTERS_PER_TOKEN

FIRST_BATCH_SHARE = 4  # the first batch is this many times smaller, so that the first texts appear soon
PARSE_RATE_AFTER = 50  # attempts


def generate(
    config: GenerationConfig,
    lm: LanguageModel | None,
    seeds: Sequence[Example],
    *,
    avoid: Mapping[str, RejectReason] | None = None,
    resume_from: GenerationProgress | None = None,
) -> Iterator[SyntheticText | Reject | GenerationProgress]:
    """Call `lm` until the target, the attempt cap or the budget of `config` is reached.

    `lm` is None for a strategy without an LM. `avoid` maps texts that must not be written again to the reason: they are
    in a held-out split, an earlier run, or this run before it was resumed. `resume_from` is the last stored progress of
    an interrupted run. If the LM fails midway, its answers so far are yielded before the error is raised.

    Raises:
        AugmentError: too few seeds, an unknown strategy, an invalid template, or the LM fails.
    """
    strategy = check_run(config, seeds)
    yield from _Run(config, lm, strategy, seeds, avoid or {}).drive(resume_from or start_progress(config))


def start_progress(config: GenerationConfig) -> GenerationProgress:
    """The progress of a run that has not begun."""
    return GenerationProgress(0, 0, config.target, 0.0, n_by_label=(0,) * len(config.labels))


def label_quotas(config: GenerationConfig) -> list[int] | None:
    """The target per label, or None if the run takes the labels as they come."""
    if config.label_shares is not None:
        return apportion(config.target, config.label_shares)
    return apportion(config.target, [1.0] * len(config.labels)) if STRATEGIES[config.strategy].gives_label else None


def guess_cost(config: GenerationConfig, shots: FewShot, *, n_tokens: int) -> float:
    """Estimated cost of one completion of `n_tokens`, from the length of the first prompt.

    If labels are scored, the LM reads each prompt twice: for the text and for its label.
    """
    strategy = STRATEGIES[config.strategy]
    n_reads = 2 if strategy.needs_scores or strategy.gives_label else 1
    length = len(draw_prompt(config, shots, 0).text) / CHARACTERS_PER_TOKEN
    return config.price.cost(n_reads * length, n_tokens)


def try_out(
    config: GenerationConfig, lm: LanguageModel, seeds: Sequence[Example], *, number: int, n: int
) -> list[Outcome]:
    """Get `n` completions of attempt `number`'s prompt now, outside of any run and without checks.

    If the strategy is given the label, the next attempts' prompts are used, so that the labels take turns.

    Raises:
        AugmentError: see `generate`.
    """
    strategy = check_run(config, seeds)
    shots = FewShot(config, seeds)
    planned = []
    for i in range(n):
        at = number + i if strategy.gives_label else number
        prompt, label = draw_prompt(config, shots, at), config.labels[at % len(config.labels)]
        planned.append(Planned(number + i, prompt.text, prompt.seed_ids, label if strategy.gives_label else None))
    written = strategy.write(Request(config, lm, shots, planned, config.sampling))
    if written.error is not None and not any(written.outcomes):
        raise written.error
    return [outcome for outcome in written.outcomes if outcome is not None]


def draw_prompt(config: GenerationConfig, shots: FewShot, number: int) -> DrawnPrompt:
    """The prompt of attempt `number` where nothing else decides its label: labels that are given take turns."""
    label = given_label(config, number)
    return shots.prompt(number) if label is None else shots.conditional_prompt(label, str(number))


def given_label(config: GenerationConfig, number: int) -> str | None:
    """The label that `draw_prompt` gives attempt `number`; None if the strategy is not given any."""
    return config.labels[number % len(config.labels)] if STRATEGIES[config.strategy].gives_label else None


class _Run:
    """One call of `generate`: the config and the texts that must not be written again."""

    def __init__(
        self,
        config: GenerationConfig,
        lm: LanguageModel | None,
        strategy: Strategy,
        seeds: Sequence[Example],
        avoid: Mapping[str, RejectReason],
    ) -> None:
        self._config, self._lm, self._strategy = config, lm, strategy
        self._shots = FewShot(config, seeds)
        self._quotas = label_quotas(config)
        is_near_off = RejectReason.NEAR_DUPLICATE in strategy.skips or config.checks.near is CheckAction.OFF
        self._copies = CopyCheck(near_duplicate=1.0 if is_near_off else config.checks.near_duplicate)
        self._copies.forbid((seed.text for seed in seeds), RejectReason.SEED_COPY)
        for text, reason in avoid.items():
            self._copies.forbid([text], reason)

    def drive(self, progress: GenerationProgress) -> Iterator[SyntheticText | Reject | GenerationProgress]:
        """Yield the records of each batch, then its progress."""
        config = self._config
        started = time.monotonic() - progress.elapsed_s
        first, n_parsed = progress.n_attempts, 0  # since this start
        while progress.n_texts < config.target and progress.n_attempts < config.attempt_cap:
            planned = self._plan(progress)
            if not planned:
                yield replace(progress, message=_budget_message(config, progress))
                return
            # One RNG per batch, seeded from the run's seed and the batch's first attempt.
            key = random.Random(f"{config.sampling.rng_seed}/{progress.n_attempts}").getrandbits(31)
            sampling = replace(config.sampling, rng_seed=key)
            written = self._strategy.write(Request(config, self._lm, self._shots, planned, sampling))
            counts, cost, n_completed = list(progress.n_by_label), progress.cost, progress.n_completed
            for attempt, outcome in zip(planned, written.outcomes, strict=True):
                if outcome is None:
                    continue
                answer = outcome.completion
                n_completed += 1
                cost += config.price.cost(answer.n_prompt_tokens, answer.n_tokens)
                n_parsed += outcome.parsed.reason is None
                record = self._take(attempt, outcome, counts)
                if isinstance(record, SyntheticText):
                    counts[config.labels.index(record.label)] += 1
                yield record
            progress = replace(
                progress,
                n_attempts=progress.n_attempts + len(planned),
                n_texts=sum(counts),
                elapsed_s=time.monotonic() - started,
                n_by_label=tuple(counts),
                cost=cost,
                n_completed=n_completed,
            )
            yield replace(progress, message=self._message(progress))
            if written.error is not None:
                raise written.error
            _check_parse_rate(config, n_parsed, progress.n_attempts - first)

    # Before the LM is called ------------------------------------------------------------------------------------------

    def _plan(self, progress: GenerationProgress) -> list[Planned]:
        """The next batch's attempts; empty if the budget allows no more."""
        config, start = self._config, progress.n_attempts
        size = min(self._batch_size(progress), self._affordable(progress))
        if not self._strategy.gives_label:
            drawn = [self._shots.prompt(number) for number in range(start, start + size)]
            return [Planned(start + i, prompt.text, prompt.seed_ids) for i, prompt in enumerate(drawn)]
        counts = apportion(size, self._missing(progress))
        # Spread the labels evenly, so that the first texts of a run are as balanced as the whole run.
        order = sorted((turn / (n + 1), place, turn) for place, n in enumerate(counts) for turn in range(1, n + 1))
        return [
            self._plan_given(start + i, config.labels[place], f"{start}:{(turn - 1) // config.texts_per_prompt}")
            for i, (_, place, turn) in enumerate(order)
        ]

    def _plan_given(self, number: int, label: str, key: str) -> Planned:
        if self._strategy.changes_seed:
            own = [seed.id for seed in self._shots.seeds if seed.label == label]
            rng = random.Random(f"{self._config.sampling.rng_seed}:{number}:seed")
            return Planned(number, "", (rng.choice(own),), label)
        if not self._strategy.needs_lm:
            return Planned(number, "", (), label)
        drawn = self._shots.conditional_prompt(label, key)
        return Planned(number, drawn.text, drawn.seed_ids, label)

    def _missing(self, progress: GenerationProgress) -> list[int]:
        """How many texts each label still needs to reach its quota."""
        return [quota - n for quota, n in zip(self._quotas or (), progress.n_by_label, strict=True)]

    def _batch_size(self, progress: GenerationProgress) -> int:
        """A full batch, or fewer attempts if the yield so far suggests that they give the missing texts."""
        config, n_missing = self._config, self._config.target - progress.n_texts
        if not progress.n_attempts:
            return min(math.ceil(config.batch_size / FIRST_BATCH_SHARE), n_missing)
        n_useful = progress.n_texts
        if self._quotas is not None and not self._strategy.gives_label:  # count only labels below their quota
            lacking = self._missing(progress)
            n_useful = sum(n for n, lack in zip(progress.n_by_label, lacking, strict=True) if lack)
        wanted = math.ceil(n_missing * progress.n_attempts / n_useful) if n_useful else config.batch_size
        return min(config.batch_size, wanted, config.attempt_cap - progress.n_attempts)

    def _affordable(self, progress: GenerationProgress) -> int:
        """How many more completions the budget allows, from the mean cost so far."""
        config = self._config
        if config.budget is None:
            return config.attempt_cap
        if progress.cost:
            each = progress.cost / progress.n_completed
        else:
            each = guess_cost(config, self._shots, n_tokens=config.sampling.max_new_tokens)
        return math.floor((config.budget - progress.cost) / each + 1e-9) if each else config.attempt_cap

    # After the LM has answered ----------------------------------------------------------------------------------------

    def _take(self, planned: Planned, outcome: Outcome, counts: Sequence[int]) -> SyntheticText | Reject:
        """Turn an outcome into a text with its flags or a reject with its reason."""
        attempt = Attempt(planned.number, planned.prompt, planned.seed_ids, outcome.completion)
        parsed = outcome.parsed
        if parsed.reason is not None:
            return Reject(parsed.reason, parsed.detail, attempt)
        record = SyntheticText(parsed.text, parsed.label, attempt, outcome.label_probs)
        flags = []
        for finding in self._findings(record):
            action = self._config.checks.action(finding.reason)
            if action is CheckAction.REJECT:
                return Reject(finding.reason, finding.detail, attempt)
            if action is CheckAction.FLAG:
                flags.append(finding)
        over = self._find_surplus(record.label, counts)
        if over is not None:
            return Reject(over.reason, over.detail, attempt)
        self._copies.forbid([record.text], RejectReason.DUPLICATE)
        return replace(record, flags=tuple(flags))

    def _findings(self, record: SyntheticText) -> Iterator[Finding]:
        copy = self._copies.find(record.text)
        if copy is not None:
            yield copy
        yield from check_text(record, self._config)

    def _find_surplus(self, label: str, counts: Sequence[int]) -> Finding | None:
        place = self._config.labels.index(label)
        if self._quotas is not None and counts[place] >= self._quotas[place]:
            return Finding(RejectReason.OVER_QUOTA, f"{label} already has its {self._quotas[place]} texts")
        if sum(counts) >= self._config.target:
            return Finding(RejectReason.SURPLUS, f"the target of {self._config.target} was reached")
        return None

    def _message(self, progress: GenerationProgress) -> str:
        notes = " ".join(self._lm.notes) if self._lm else ""
        return " ".join(part for part in (_end_message(self._config, progress), notes) if part)


def check_run(config: GenerationConfig, seeds: Sequence[Example]) -> Strategy:
    """Check that a run can start, and return its strategy.

    Raises:
        AugmentError: an invalid template, no seeds, seeds with unknown labels, or too few words for the target.
    """
    check_template(config.template)
    if not seeds:
        raise AugmentError("The seed set is empty. Draw seeds on the Seeds page first.")
    if config.strategy not in STRATEGIES:
        raise AugmentError(f"There is no strategy '{config.strategy}'. Expected one of {', '.join(STRATEGIES)}.")
    unknown = {seed.label for seed in seeds} - set(config.labels)
    if unknown:
        found = ", ".join(sorted(unknown))
        raise AugmentError(f"The seeds have labels that the task does not have: {found}. Choose another seed set.")
    strategy = STRATEGIES[config.strategy]
    if strategy.gives_label:
        _check_given(config, seeds, strategy)
    return strategy


def _check_given(config: GenerationConfig, seeds: Sequence[Example], strategy: Strategy) -> None:
    """Check that every label with a quota has seeds and passes the strategy's own check."""
    for label, quota in zip(config.labels, label_quotas(config) or [], strict=True):
        if quota and not any(seed.label == label for seed in seeds):
            raise AugmentError(
                f"The seed set has no seed of '{label}', but {quota} texts of it are needed. Choose another seed set."
            )
        strategy.check_label(config, label, quota)


def _check_parse_rate(config: GenerationConfig, n_parsed: int, n_attempts: int) -> None:
    if n_attempts >= PARSE_RATE_AFTER and n_parsed < config.min_parse_rate * n_attempts:
        raise AugmentError(
            f"Only {n_parsed:,} of {n_attempts:,} completions could be parsed, fewer than {config.min_parse_rate:.0%}. "
            "Look at the rejects, then change the prompt or use the strategy 'mix'."
        )


def _end_message(config: GenerationConfig, progress: GenerationProgress) -> str:
    if progress.n_texts < config.target and progress.n_attempts >= config.attempt_cap:
        return (
            f"Stopped at the cap of {config.attempt_cap:,} attempts with {progress.n_texts:,} of {config.target:,} "
            "texts. Look at the rejects, then change the prompt or raise the cap."
        )
    return ""


def _budget_message(config: GenerationConfig, progress: GenerationProgress) -> str:
    return (
        f"Stopped before exceeding the budget of {config.budget:g}: {progress.cost:.4g} spent on "
        f"{progress.n_texts:,} of {config.target:,} texts. Raise the budget to continue."
    )
