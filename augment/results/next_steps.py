"""What would help most after an experiment: a sentence, and what it asks people to do. Pure; knows no page.

It agrees with the headline: both are about the same best variant (`headlines.pick_best`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from augment.records import TextUse, TrainingRun
from augment.results.cautions import N_CERTAIN
from augment.results.comparison import Difference, Predictions
from augment.results.headlines import find_candidates, pick_best
from augment.wording import plural

N_REVIEWED = 50  # texts that a step asks people to review; docs/LOG.md measures what so many decisions gain
REVIEWED_USES = (TextUse.ACCEPTED, TextUse.REVIEWED, TextUse.RELABELLED)
DECIDED_USES = (*REVIEWED_USES, TextUse.CONSENSUS)  # what people decided changes these


class Action(StrEnum):
    """What a step asks for."""

    GENERATE = "generate"
    REVIEW = "review"
    TRAIN = "train"


@dataclass(frozen=True, slots=True)
class NextStep:
    """A step in a sentence, and what it asks for first."""

    sentence: str
    action: Action


@dataclass(frozen=True, slots=True)
class TextProgress:
    """How far the task's synthetic texts have come.

    `n_waiting` texts nobody has reviewed yet, `n_reviewed` somebody has. No experiment includes the `n_new_texts` and
    `n_new_decisions` yet.
    """

    n_waiting: int = 0
    n_reviewed: int = 0
    n_new_texts: int = 0
    n_new_decisions: int = 0

    @property
    def has_texts(self) -> bool:
        """Whether there is any synthetic text."""
        return self.n_waiting + self.n_reviewed > 0


def next_step(
    runs: Sequence[TrainingRun],
    metric: str,
    progress: TextProgress,
    *,
    is_seeds_best: bool = False,
    predicted: Predictions | None = None,
) -> NextStep:
    """What would help most now.

    `is_seeds_best` is whether validation texts recommend the seeds only; `predicted` is what the runs predict for the
    test texts.
    """
    compared = find_candidates(runs, metric, predicted)
    if not any(difference.variant.is_synthetic for difference in compared):
        return _begin(progress, has_comparison=bool(compared))
    best = pick_best(compared)
    if best.interval.n < 2:
        return _train("more RNG seeds per point; with one, chance cannot be ruled out")
    new = _name_new(progress)
    if new:
        return _train(f"again with the {new} that no experiment includes yet")
    if _can_review(compared, progress):
        return _ask_for_review(compared, progress, is_better=best.is_better and not is_seeds_best)
    if best.is_better and not is_seeds_best:
        return _go_on(compared, progress)
    return _improve(best, compared, progress)


def _begin(progress: TextProgress, *, has_comparison: bool) -> NextStep:
    """No synthetic texts have been compared yet."""
    if progress.has_texts:
        return _train("with the synthetic texts too" if has_comparison else "on the seeds only and with the texts too")
    then = "train with them too" if has_comparison else "train with them and on the seeds only"
    return NextStep(f"Next: generate texts, then {then}.", Action.GENERATE)


def _name_new(progress: TextProgress) -> str:
    """'200 texts and 50 decisions', as far as it is worth training again for them; else nothing."""
    decisions = progress.n_new_decisions
    is_enough = decisions >= N_REVIEWED or (decisions and not progress.n_waiting)
    if not progress.n_new_texts and not is_enough:
        return ""
    texts = plural(progress.n_new_texts, "text") if progress.n_new_texts else ""
    return " and ".join(filter(None, (texts, plural(decisions, "decision") if decisions else "")))


def _can_review(compared: Sequence[Difference], progress: TextProgress) -> bool:
    """Whether texts wait, and reviewed texts or enough decisions have not been tried."""
    n_tried = progress.n_reviewed - progress.n_new_decisions
    is_tried = any(difference.variant.use in REVIEWED_USES for difference in compared) or n_tried >= N_REVIEWED
    return progress.n_waiting > 0 and not is_tried


def _ask_for_review(compared: Sequence[Difference], progress: TextProgress, *, is_better: bool) -> NextStep:
    n_texts = min(progress.n_waiting, N_REVIEWED - progress.n_new_decisions)
    texts = plural(n_texts, "more text" if progress.n_reviewed else "text")
    then = f"train on the relabelled texts{' to see what correcting labels adds' if is_better else ''}"
    if _has_consensus(compared):
        then = "train again: these decisions also correct the labels of similar texts"
    return NextStep(f"Next: review {texts}, the most doubtful first, then {then}.", Action.REVIEW)


def _go_on(compared: Sequence[Difference], progress: TextProgress) -> NextStep:
    """A variant is better, and review has been tried where it can be."""
    review = ""
    if progress.n_waiting and _has_consensus(compared):
        review = f" review {min(progress.n_waiting, N_REVIEWED)} more,"
    return NextStep(f"Next: generate more texts,{review} or send somebody the report.", Action.GENERATE)


def _improve(best: Difference, compared: Sequence[Difference], progress: TextProgress) -> NextStep:
    """No variant is better, and review has been tried where it can be."""
    if best.interval.mean > 0 and best.p is None:
        why = "so that each RNG seed draws different ones and the gain can be tested"
        return NextStep(f"Next: generate more texts, {why}.", Action.GENERATE)
    if best.interval.mean > 0 and best.interval.n < N_CERTAIN:
        return _train(f"more RNG seeds per point ({best.interval.n} so far) to see whether the gain is real")
    if not _has_consensus(compared) and not any(difference.variant.filter.agrees for difference in compared):
        return _train("with the filter “agreed”: it drops texts that a seeds-only classifier labels differently")
    if progress.n_waiting:
        texts = plural(min(progress.n_waiting, N_REVIEWED), "more text" if progress.n_reviewed else "text")
        return NextStep(f"Next: review {texts}, or try another prompt or language model.", Action.REVIEW)
    return NextStep("Next: try another prompt, strategy or language model.", Action.GENERATE)


def _train(what: str) -> NextStep:
    return NextStep(f"Next: train {what}.", Action.TRAIN)


def _has_consensus(compared: Sequence[Difference]) -> bool:
    return any(difference.variant.use is TextUse.CONSENSUS for difference in compared)
