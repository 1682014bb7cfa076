"""What review bought: arms of the same texts raw, accepted, reviewed and relabelled, at equal numbers, in pairs.

Pure: knows no store, no page, no figure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from augment.records import Arm, Interval, TextUse, TrainingRun
from augment.results.comparison import Difference, adjust, by_arm_and_size, by_rng_seed, compare_pairs
from augment.training.metrics import mean_interval

REVIEW_USES = (TextUse.RAW, TextUse.ACCEPTED, TextUse.REVIEWED, TextUse.RELABELLED)


@dataclass(frozen=True, slots=True)
class ReviewGain:
    """The same texts raw, accepted, reviewed and relabelled, as far as they were trained on, at one size.

    `over_raw`: what each other use gains over raw, paired over RNG seeds; Holm's adjustment is over these.
    """

    source: str
    n_synthetic: int
    uses: Mapping[TextUse, Interval]
    n_decisions: int
    over_raw: Mapping[TextUse, Difference] = field(default_factory=dict)


def review_gains(runs: Sequence[TrainingRun], arms: Sequence[Arm], metric: str) -> list[ReviewGain]:
    """Arms of the same texts, filter and classifier kind in at least two uses, at the largest size they all have.

    Where experiments repeat an arm, the newest that is measured counts: it knows the most decisions.
    """
    measured: dict[int, dict[int, dict[int, float]]] = {}  # by arm, size and RNG seed
    for arm in arms:
        groups = by_arm_and_size([run for run in runs if run.arm_id == arm.id])
        measured[arm.id] = {n: by_rng_seed(one, metric) for (_, n), one in groups.items()}
    sources: dict[object, dict[TextUse, Arm]] = {}
    for arm in sorted(arms, key=lambda arm: arm.id):
        if arm.spec.use in REVIEW_USES and measured[arm.id]:
            key = (arm.spec.generation_run_ids, arm.spec.filter, arm.spec.kind)
            sources.setdefault(key, {})[arm.spec.use] = arm
    gains = []
    for by_use in sources.values():
        present = {use: by_use[use] for use in REVIEW_USES if use in by_use}
        sizes = set.intersection(*(set(measured[arm.id]) for arm in present.values()))
        if len(present) > 1 and sizes:
            values = {use: measured[arm.id][max(sizes)] for use, arm in present.items()}
            intervals = {use: mean_interval(list(one.values())) for use, one in values.items()}
            n_decisions = max(arm.n_decisions for arm in present.values())
            source, over_raw = _name_source(next(iter(present.values()))), _compare_with_raw(values, max(sizes))
            gains.append(ReviewGain(source, max(sizes), intervals, n_decisions, over_raw))
    return gains


def _compare_with_raw(values: Mapping[TextUse, Mapping[int, float]], n_synthetic: int) -> dict[TextUse, Difference]:
    """What each use gains over raw; none without raw, or where no RNG seed is shared."""
    raw = values.get(TextUse.RAW, {})
    pairs = {
        use: np.array([(one[rng_seed], raw[rng_seed]) for rng_seed in sorted(one.keys() & raw.keys())])
        for use, one in values.items()
        if use is not TextUse.RAW and one.keys() & raw.keys()
    }
    compared = adjust([compare_pairs(use.value, n_synthetic, one) for use, one in pairs.items()])
    return dict(zip(pairs, compared, strict=True))


def _name_source(arm: Arm) -> str:
    """'GPT-J · linear probe' for 'GPT-J · raw · linear probe'."""
    before, _, after = arm.name.rpartition(f" · {arm.spec.use}")
    return before + after
