"""What review gained: variants of the same texts raw, accepted, reviewed and relabelled, at equal numbers, in pairs.

Pure: knows no store, no page, no chart.
"""

from collections.abc import Mapping, Sequence
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
    """Variants of the same texts, filter and classifier kind in at least two uses, at the largest size they all have.

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
        present = {use: by_use[use] for use in REVIEW_USES if use in by_use}
        sizes = set.intersection(*(set(measured[stored.id]) for stored in present.values()))
        if len(present) > 1 and sizes:
            values = {use: measured[stored.id][max(sizes)] for use, stored in present.items()}
            intervals = {use: mean_interval(list(one.values())) for use, one in values.items()}
            n_decisions = max(stored.n_decisions for stored in present.values())
            first = next(iter(present.values())).variant
            over_raw = _compare_with_raw(values, first, max(sizes))
            gains.append(ReviewGain(first, max(sizes), intervals, n_decisions, over_raw))
    return gains


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
