"""Seeds, prompt and LM → synthetic texts and rejects. A plain generator; who drives it decides where they go.

Every completion becomes exactly one `SyntheticText` or one `Reject`, and each batch ends with a `GenerationProgress`:
what was yielded up to there belongs together. Attempt number n draws its seeds and its tokens from (RNG seed, n), so a
run that is resumed at a batch's end goes on as if it had never stopped.
"""

import math
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from augment.checks import CopyCheck, check_text
from augment.errors import AugmentError
from augment.lms import LanguageModel
from augment.prompts import check_template, render_prompt
from augment.records import (
    Attempt,
    Example,
    GenerationConfig,
    GenerationProgress,
    LabelledText,
    Reject,
    RejectReason,
    SyntheticText,
)
from augment.strategies import STRATEGIES, Outcome

FIRST_BATCH_SHARE = 4  # the first batch is so many times smaller, so that something is there to see soon
PARSE_RATE_AFTER = 50  # attempts


def generate(
    config: GenerationConfig,
    lm: LanguageModel,
    seeds: Sequence[Example],
    *,
    avoid: Mapping[str, RejectReason] | None = None,
    resume_from: GenerationProgress | None = None,
) -> Iterator[SyntheticText | Reject | GenerationProgress]:
    """Ask `lm` until `config.target` texts stand or `config.attempt_cap` completions were asked for.

    `avoid` holds texts that must not come again, each with the reason to give: texts of held-out splits, or of the
    run's own earlier start. `resume_from` is the last stored progress of an interrupted run.

    Raises:
        AugmentError: too few seeds, an unknown strategy, a broken template, or the LM fails.
    """
    _check(config, seeds)
    copies = CopyCheck(near_duplicate=config.checks.near_duplicate)
    copies.forbid((seed.text for seed in seeds), RejectReason.SEED_COPY)
    for text, reason in (avoid or {}).items():
        copies.forbid([text], reason)
    progress = resume_from or GenerationProgress(0, 0, config.target, 0.0)
    started = time.monotonic() - progress.elapsed_s
    first, n_parsed = progress.n_attempts, 0  # of this start
    while progress.n_texts < config.target and progress.n_attempts < config.attempt_cap:
        n_texts = progress.n_texts
        numbers = range(progress.n_attempts, progress.n_attempts + _next_batch_size(config, progress))
        for record in _run_batch(config, lm, seeds, numbers):
            n_parsed += isinstance(record, SyntheticText)
            result = _check_text(record, config, copies) if isinstance(record, SyntheticText) else record
            if isinstance(result, SyntheticText) and n_texts == config.target:
                result = Reject(RejectReason.SURPLUS, f"the target of {config.target} was reached", result.attempt)
            n_texts += isinstance(result, SyntheticText)
            yield result
        progress = GenerationProgress(numbers.stop, n_texts, config.target, time.monotonic() - started)
        yield replace(progress, message=_end_message(config, progress))
        _check_parse_rate(config, n_parsed, progress.n_attempts - first)


def draw_prompt(config: GenerationConfig, seeds: Sequence[Example], number: int) -> tuple[str, tuple[int, ...]]:
    """The prompt of attempt `number` and the ids of the seeds in it, in their order.

    `config.texts_per_prompt` attempts in a row share one prompt.
    """
    ordered = sorted(seeds, key=lambda seed: seed.id)
    rng = random.Random(f"{config.sampling.rng_seed}:{number // config.texts_per_prompt}")
    chosen = rng.sample(ordered, min(config.n_seeds, len(ordered)))
    prompt = render_prompt(config.template, config.labels, [_as_labelled(seed) for seed in chosen])
    return prompt, tuple(seed.id for seed in chosen)


def _as_labelled(seed: Example) -> LabelledText:
    return LabelledText(seed.text, seed.label)


def _check(config: GenerationConfig, seeds: Sequence[Example]) -> None:
    check_template(config.template)
    if not seeds:
        raise AugmentError("The seed set is empty. Draw seeds on the Seeds page first.")
    if config.strategy not in STRATEGIES:
        raise AugmentError(f"There is no strategy '{config.strategy}'. Expected one of {', '.join(STRATEGIES)}.")
    unknown = {seed.label for seed in seeds} - set(config.labels)
    if unknown:
        raise AugmentError(f"Seeds carry labels that the task does not have: {', '.join(sorted(unknown))}.")


def _check_parse_rate(config: GenerationConfig, n_parsed: int, n_attempts: int) -> None:
    if n_attempts >= PARSE_RATE_AFTER and n_parsed < config.min_parse_rate * n_attempts:
        raise AugmentError(
            f"Only {n_parsed} of {n_attempts} completions could be parsed, fewer than {config.min_parse_rate:.0%}. "
            "Look at the rejects, then change the prompt or use the strategy 'mix'."
        )


def _next_batch_size(config: GenerationConfig, progress: GenerationProgress) -> int:
    """A full batch, or what should reach the target at the rate of valid texts so far."""
    rate = progress.n_texts / progress.n_attempts if progress.n_texts else 1.0
    wanted = math.ceil((config.target - progress.n_texts) / rate)
    full = config.batch_size if progress.n_attempts else math.ceil(config.batch_size / FIRST_BATCH_SHARE)
    return max(1, min(full, wanted, config.attempt_cap - progress.n_attempts))


def _run_batch(
    config: GenerationConfig, lm: LanguageModel, seeds: Sequence[Example], numbers: range
) -> Iterator[SyntheticText | Reject]:
    drawn = [draw_prompt(config, seeds, number) for number in numbers]
    # One generator a batch: its seed is a fixed function of the run's seed and the batch's first attempt.
    sampling = replace(
        config.sampling, rng_seed=random.Random(f"{config.sampling.rng_seed}/{numbers.start}").getrandbits(31)
    )
    outcomes = STRATEGIES[config.strategy](config, lm, [prompt for prompt, _ in drawn], sampling)
    for number, (prompt, seed_ids), outcome in zip(numbers, drawn, outcomes, strict=True):
        yield _to_record(outcome, Attempt(number, prompt, seed_ids, outcome.completion))


def _to_record(outcome: Outcome, attempt: Attempt) -> SyntheticText | Reject:
    parsed = outcome.parsed
    if parsed.reason is not None:
        return Reject(parsed.reason, parsed.detail, attempt)
    return SyntheticText(parsed.text, parsed.label, attempt, outcome.label_probs)


def _check_text(record: SyntheticText, config: GenerationConfig, copies: CopyCheck) -> SyntheticText | Reject:
    finding = check_text(record, config.checks, config.sampling) or copies.find(record.text)
    if finding is not None:
        return Reject(*finding, record.attempt)
    copies.forbid([record.text], RejectReason.DUPLICATE)
    return record


def _end_message(config: GenerationConfig, progress: GenerationProgress) -> str:
    if progress.n_texts < config.target and progress.n_attempts >= config.attempt_cap:
        return (
            f"Stopped at the cap of {config.attempt_cap} attempts with {progress.n_texts} of {config.target} texts. "
            "Look at the rejects, then change the prompt or raise the cap."
        )
    return ""
