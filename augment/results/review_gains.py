"""What review gained: accepted, reviewed and relabelled texts, each against the raw texts, at equal numbers, in pairs.

Pure: knows no store, no page, no chart. Each use is compared with raw at the largest size that these two share, so
that a use with few texts does not hide what the others gain. The sizes are part of every claim.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from augment.records import ExperimentVariant, Interval, TextFilter, TextUse, TrainingRun, Variant
from augment.results.comparison import Difference, Predictions, adjust, by_rng_seed, compare_runs, group_runs
from augment.results.intervals import score_interval

REVIEW_USES = (TextUse.RAW, TextUse.ACCEPTED, TextUse.REVIEWED, TextUse.RELABELLED)


@dataclass(frozen=True, slots=True)
class ReviewPair:
    """One use of a source's texts and the raw ones, at the largest size that both have.

    `over_raw` is what it gains, adjusted (Holm) over all pairs of the source; None where no RNG seed is shared.
    `has_same_texts`: both are known to train on exactly the same texts, only with other labels.
    """

    use: TextUse
    n_synthetic: int
    raw: Interval
    reviewed: Interval
    over_raw: Difference | None
    has_same_texts: bool


@dataclass(frozen=True, slots=True)
class ReviewRow:
    """A use at a size with its score: what a chart or a table shows of a gain."""

    use: TextUse
    n_synthetic: int
    interval: Interval


@dataclass(frozen=True, slots=True)
class ReviewGain:
    """What review gained with the texts of one source, filter and classifier kind.

    `variant` is the raw one, for naming their source; `n_decisions` is the most that a use includes.
    """

    variant: Variant
    n_decisions: int
    pairs: Sequence[ReviewPair]

    @property
    def sizes(self) -> list[int]:
        """The sizes that are compared, the largest first."""
        return sorted({pair.n_synthetic for pair in self.pairs}, reverse=True)

    def at(self, size: int) -> list[ReviewPair]:
        """The pairs at a size."""
        return [pair for pair in self.pairs if pair.n_synthetic == size]

    @property
    def rows(self) -> list[ReviewRow]:
        """For each size, the largest first: raw, then what is compared with it there."""
        rows = []
        for size in self.sizes:
            pairs = self.at(size)
            rows.append(ReviewRow(TextUse.RAW, size, pairs[0].raw))
            rows += [ReviewRow(pair.use, size, pair.reviewed) for pair in pairs]
        return rows


@dataclass(frozen=True, slots=True)
class _Measured:
    """A stored variant with its measured runs by size."""

    stored: ExperimentVariant
    runs: Mapping[int, Sequence[TrainingRun]]


def review_gains(
    runs: Sequence[TrainingRun],
    variants: Sequence[ExperimentVariant],
    metric: str,
    predicted: Predictions | None = None,
) -> list[ReviewGain]:
    """What each source's reviewed texts gain over its raw ones; a source without a shared size is left out.

    Where experiments repeat a variant, the newest that is measured counts: it includes the most decisions. `predicted`
    is what the runs predict for the test texts.
    """
    sources: dict[Variant, dict[TextUse, _Measured]] = {}
    for stored in sorted(variants, key=lambda stored: stored.id):
        of_variant = group_runs([run for run in runs if run.variant_id == stored.id])
        use = stored.variant.use
        if use in REVIEW_USES and of_variant:
            source = replace(stored.variant, use=TextUse.RAW, experiment_id=None)
            by_size = {n: group for (_, n), group in of_variant.items()}
            sources.setdefault(source, {})[use] = _Measured(stored, by_size)
    gains = []
    for by_use in sources.values():
        raw = by_use.pop(TextUse.RAW, None)
        pairs = _pair_with_raw(raw, by_use, metric, predicted or {}) if raw else []
        if raw and pairs:
            used = [by_use[pair.use].stored.n_decisions for pair in pairs]
            gains.append(ReviewGain(raw.stored.variant, max(raw.stored.n_decisions, *used), pairs))
    return gains


def _pair_with_raw(
    raw: _Measured, by_use: Mapping[TextUse, _Measured], metric: str, predicted: Predictions
) -> list[ReviewPair]:
    pairs = []
    for use in REVIEW_USES:
        shared = raw.runs.keys() & by_use[use].runs.keys() if use in by_use else set()
        if shared:
            size = max(shared)
            of_use, of_raw = by_use[use].runs[size], raw.runs[size]
            pairs.append(
                ReviewPair(
                    use,
                    size,
                    score_interval(list(by_rng_seed(of_raw, metric).values())),
                    score_interval(list(by_rng_seed(of_use, metric).values())),
                    compare_runs(
                        (by_use[use].stored.variant, size),
                        of_use,
                        (raw.stored.variant, size),
                        of_raw,
                        metric,
                        predicted=predicted,
                    ),
                    _have_same_texts(by_use[use], raw, size),
                )
            )
    adjusted = iter(adjust([pair.over_raw for pair in pairs if pair.over_raw]))
    return [replace(pair, over_raw=next(adjusted)) if pair.over_raw else pair for pair in pairs]


def _have_same_texts(one: _Measured, other: _Measured, size: int) -> bool:
    """Whether both draw from the same texts: of one experiment, unfiltered, and no text is rejected or left out.

    An RNG seed then draws the same ones. Filters look at labels, so they may leave different texts.
    """
    experiments = {run.experiment_id for measured in (one, other) for run in measured.runs[size]}
    is_unfiltered = one.stored.variant.filter == other.stored.variant.filter == TextFilter()
    return len(experiments) == 1 and is_unfiltered and one.stored.n_texts == other.stored.n_texts
