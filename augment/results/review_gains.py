"""What review gained: variants of the same texts raw, accepted, reviewed and relabelled, at equal numbers, in pairs.

Pure: knows no store, no page, no chart.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from augment.records import ExperimentVariant, Interval, TextUse, TrainingRun, Variant
from augment.results.comparison import Difference, adjust, by_rng_seed, compare_pairs, group_runs
from augment.results.intervals import mean_interval

REVIEW_USES = (TextUse.RAW, TextUse.ACCEPTED, TextUse.REVIEWED, TextUse.RELABELLED)


@dataclass(frozen=True, slots=True)
class ReviewGain:
    """The same texts raw, accepted, reviewed and relabelled, as far as they were trained on, at one size.

    `variant` is one of them, for naming their source. `over_raw`: what each other use gains over raw, paired over RNG
    seeds; Holm's adjustment is over these.
    """

    variant: Variant
    n_synthetic: int
    uses: Mapping[TextUse, Interval]
    n_decisions: int
    over_raw: Mapping[TextUse, Difference] = field(default_factory=dict)


def review_gains(runs: Sequence[TrainingRun], variants: Sequence[ExperimentVariant], metric: str) -> list[ReviewGain]:
    """Variants of the same texts, filter and classifier kind in at least two uses, at a size they have in common.

    That is the size at which most uses were measured (the largest, if there are several); a use without it is left out.
    Where experiments repeat a variant, the newest that is measured counts: it includes the most decisions.
    """
    measured: dict[int, dict[int, dict[int, float]]] = {}  # by variant id, size and RNG seed
    for stored in variants:
        groups = group_runs([run for run in runs if run.variant_id == stored.id])
        measured[stored.id] = {n: by_rng_seed(group, metric) for (_, n), group in groups.items()}
    sources: dict[Variant, dict[TextUse, ExperimentVariant]] = {}
    for stored in sorted(variants, key=lambda stored: stored.id):
        use = stored.variant.use
        if use in REVIEW_USES and measured[stored.id]:
            same_texts = replace(stored.variant, use=TextUse.RAW, experiment_id=None)
            sources.setdefault(same_texts, {})[use] = stored
    gains = []
    for by_use in sources.values():
        size, uses = _find_common_size({use: set(measured[stored.id]) for use, stored in by_use.items()})
        if len(uses) > 1:
            values = {use: measured[by_use[use].id][size] for use in uses}
            intervals = {use: mean_interval(list(by_seed.values())) for use, by_seed in values.items()}
            n_decisions = max(by_use[use].n_decisions for use in uses)
            first = by_use[uses[0]].variant
            gains.append(ReviewGain(first, size, intervals, n_decisions, _compare_with_raw(values, first, size)))
    return gains


def _find_common_size(sizes: Mapping[TextUse, Collection[int]]) -> tuple[int, list[TextUse]]:
    """The size that most uses were measured at, the largest of equals, and these uses."""
    found = {
        size: [use for use in REVIEW_USES if size in sizes.get(use, ())]
        for size in {size for of_use in sizes.values() for size in of_use}
    }
    return max(found.items(), key=lambda item: (len(item[1]), item[0]))


def _compare_with_raw(
    values: Mapping[TextUse, Mapping[int, float]], variant: Variant, n_synthetic: int
) -> dict[TextUse, Difference]:
    """What each use gains over raw; none without raw, or where no RNG seed is shared."""
    raw = values.get(TextUse.RAW, {})
    pairs = {
        use: np.array([(by_seed[rng_seed], raw[rng_seed]) for rng_seed in sorted(by_seed.keys() & raw.keys())])
        for use, by_seed in values.items()
        if use is not TextUse.RAW and by_seed.keys() & raw.keys()
    }
    compared = [compare_pairs(replace(variant, use=use), n_synthetic, found) for use, found in pairs.items()]
    return dict(zip(pairs, adjust(compared), strict=True))
