"""Hand-made training runs and their variants."""

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from augment.records import (
    ClassifierKind,
    MetricPoint,
    RunState,
    RunStatus,
    TextUse,
    TrainingConfig,
    TrainingRun,
    Variant,
    Writer,
)
from augment.results.bootstrap import Predicted
from augment.results.variants import VariantNames, name_variants

LABELS = ("joy", "anger", "surprise")
NOW = datetime(2026, 11, 1, tzinfo=UTC)
DONE = RunState(RunStatus.DONE, "", 125, 125, 9.0, NOW, NOW, NOW)

PROBE = ClassifierKind.PROBE
WRITERS = {run_id: Writer(name) for run_id, name in enumerate("ABCDE", start=1)}
A, B, C, D, E = (Variant(TextUse.RAW, (run_id,)) for run_id in WRITERS)
A_PROBE = Variant(TextUse.RAW, (1,), kind=PROBE)
REAL = Variant(TextUse.REAL)
SEEDS, SEEDS_PROBE = Variant(), Variant(kind=PROBE)


def make_run(
    variant: Variant, n: int, macro_f1: float | None, *, rng_seed: int = 0, variant_id: int | None = None
) -> TrainingRun:
    """A finished run with an accuracy 0.1 above its macro-F1; without a macro-F1 it has no metrics."""
    return TrainingRun(
        id=rng_seed + 1,
        task_id=1,
        experiment_id=1,
        variant_id=variant_id,
        variant=variant,
        n_synthetic=n,
        n_train=30 + n,
        config=TrainingConfig(LABELS, kind=variant.kind, rng_seed=rng_seed),
        state=DONE,
        last=None if macro_f1 is None else MetricPoint(125, 0.1, 1.0, macro_f1 + 0.1, macro_f1),
    )


def make_runs(
    variant: Variant, n: int, values: Sequence[float], *, first: int = 0, variant_id: int | None = None
) -> list[TrainingRun]:
    """One run per RNG seed, counted from `first`."""
    return [make_run(variant, n, value, rng_seed=first + i, variant_id=variant_id) for i, value in enumerate(values)]


BASELINE = make_runs(SEEDS, 0, [0.50, 0.52, 0.48])
GAINS = make_runs(A, 50, [0.60, 0.64, 0.62])  # +0.10, +0.12, +0.14
LOSES = make_runs(B, 50, [0.40, 0.41, 0.39])  # -0.10, -0.11, -0.09
NOISE = make_runs(C, 50, [0.55, 0.46, 0.51])  # +0.05, -0.06, +0.03


def names_of(runs: Sequence[TrainingRun]) -> VariantNames:
    """The names of the runs' variants."""
    return name_variants([run.variant for run in runs], WRITERS)


def predict_share(n_texts: int, *shares_right: float) -> Predicted:
    """One run per RNG seed, each right for its share of `n_texts` test texts of three labels, evenly spread."""
    truth = np.arange(n_texts) % 3
    places = np.random.default_rng(1).permutation(n_texts)  # which texts are easy: the same for every run
    found = {
        seed: np.where(places < round(share * n_texts), truth, (truth + 1) % 3)
        for seed, share in enumerate(shares_right)
    }
    return Predicted(tuple(range(n_texts)), truth, found)
