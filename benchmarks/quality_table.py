"""Writes docs/RESULTS.md from what `benchmarks.quality` measured: a table per kind of classifier, and one of review."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from augment.records import ClassifierKind, TrainingRun, Variant, Writer
from augment.results.comparison import aggregate_runs
from augment.results.intervals import mean_interval
from augment.results.variants import VariantNames, name_variants

RESULTS = Path(__file__).parents[1] / "docs" / "RESULTS.md"
TUNED, PROBE, CONTRASTIVE = ClassifierKind.FINE_TUNED, ClassifierKind.PROBE, ClassifierKind.CONTRASTIVE
RNG_SEEDS = tuple(range(10))
DECISIONS = (0, 25, 50, 100, 200)
ALL_TEXTS, REVIEWED_ONLY = "all", "reviewed only"


@dataclass(frozen=True, slots=True)
class Point:
    """Macro-F1 of one training run on 200 texts, `n_decisions` of which were reviewed."""

    source: str
    kind: ClassifierKind
    order: str
    n_decisions: int
    rng_seed: int
    macro_f1: float
    trained_on: str = ALL_TEXTS


def read_points(file: Path) -> Iterator[Point]:
    """The points that earlier runs of the benchmark stored."""
    if file.exists():
        for line in file.read_text().splitlines():
            values = json.loads(line)
            yield Point(**{**values, "kind": ClassifierKind(values["kind"])})


def write_table(
    runs: Sequence[TrainingRun], points: Sequence[Point], note: str, writers: Mapping[int, Writer]
) -> dict[str, float]:
    """Write docs/RESULTS.md, with `note` below the introduction; return the macro-F1 of the best variants."""
    names = name_variants([run.variant for run in runs], writers)
    parts = [_INTRODUCTION, note] if note else [_INTRODUCTION]
    best: dict[str, float] = {}
    for kind in (PROBE, TUNED, CONTRASTIVE):
        of_kind = [run for run in runs if run.config.kind is kind]
        parts.append(f"## {str(kind).capitalize()}\n\n" + _tabulate(of_kind, best, names))
    parts.append(_REVIEW_INTRODUCTION + _tabulate_review(points))
    RESULTS.write_text("\n\n".join(parts).rstrip() + "\n")
    return dict(sorted(best.items(), key=lambda item: -item[1])[:8])


def place_of(run: TrainingRun) -> tuple[Variant, int, int]:
    """What identifies a training run across stores: its variant, size and RNG seed."""
    return run.variant, run.n_synthetic, run.config.rng_seed


def _tabulate(runs: Sequence[TrainingRun], best: dict[str, float], names: VariantNames) -> str:
    accuracy = {(point.variant, point.n_synthetic): point.interval for point in aggregate_runs(runs, "accuracy")}
    f1 = aggregate_runs(runs, "macro_f1")
    sizes = sorted({point.n_synthetic for point in f1})
    lines = ["| variant | " + " | ".join(f"{size}" for size in sizes) + " |", "|---" * (len(sizes) + 1) + "|"]
    cells: dict[Variant, dict[int, str]] = {}
    for point in f1:
        of_accuracy = accuracy[point.variant, point.n_synthetic]
        half, half_accuracy = point.interval.high - point.interval.mean, 100 * (of_accuracy.high - of_accuracy.mean)
        if point.interval.n < len(RNG_SEEDS):  # too few for a useful interval
            n_seeds = f"{point.interval.n} RNG seed{'s' if point.interval.n > 1 else ''}"
            cell = f"{point.interval.mean:.3f}, {100 * of_accuracy.mean:.1f}% ({n_seeds})"
        else:
            cell = f"**{point.interval.mean:.3f}** ± {half:.3f}, {100 * of_accuracy.mean:.1f} ± {half_accuracy:.1f}%"
        cells.setdefault(point.variant, {})[point.n_synthetic] = cell
        best[f"{names[point.variant]}, {point.n_synthetic}"] = round(point.interval.mean, 3)
    order = sorted(cells, key=lambda variant: (not variant.is_baseline, names[variant]))
    lines += [
        f"| {names[variant]} | " + " | ".join(cells[variant].get(size, "") for size in sizes) + " |"
        for variant in order
    ]
    return "\n".join(lines)


def _tabulate_review(points: Sequence[Point]) -> str:
    groups: dict[tuple[str, str, str, str], dict[int, list[float]]] = {}
    for point in points:
        group = groups.setdefault((point.source, str(point.kind), point.trained_on, point.order), {})
        group.setdefault(point.n_decisions, []).append(point.macro_f1)
    head = "| texts | classifier | trained on | order | " + " | ".join(map(str, DECISIONS)) + " |"
    lines = [head, "|---" * (len(DECISIONS) + 4) + "|"]
    for (source, kind, trained_on, order), values in sorted(groups.items()):
        found = {n: mean_interval(values[n]) for n in DECISIONS if len(values.get(n, [])) >= len(RNG_SEEDS)}
        if not found:  # too few RNG seeds measured so far
            continue
        cells = [
            f"**{found[n].mean:.3f}** ± {found[n].high - found[n].mean:.3f}" if n in found else "" for n in DECISIONS
        ]
        lines.append(f"| {source} | {kind} | {trained_on} | {order} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


_INTRODUCTION = """# Results on the Emotion task

This file is written by `python -m benchmarks.quality --table`; the docstring of that module describes the method. The
task has three labels (joy, anger, surprise), 30 seeds (the first ten of each label) and 797 test texts (joy 537, anger
210, surprise 50). Always predicting "joy" gives 67.4% accuracy and a macro-F1 of 0.268.

Each cell shows **macro-F1** ± half its 95% interval, then accuracy ± half its interval, over 10 RNG seeds. The columns
are numbers of synthetic texts. The RNG seed determines which texts are drawn, their order, and the initial weights of
the classifier's head. A probe trained on the seeds alone, or on all texts of a variant, involves no random choice, so
its interval is 0. "accepted" and "relabelled" use the decisions of the simulated reviewer."""

_REVIEW_INTRODUCTION = """## The value of review

Macro-F1 ± half its 95% interval over 10 RNG seeds, for classifiers trained on 30 seeds and 200 texts. The columns are
numbers of texts that the simulated reviewer has decided on. Trained on "all": texts not yet reviewed are used with the
label that the LM proposed. "reviewed only": they are left out. Order "queue": texts whose proposed label gets the
lowest probability from a classifier trained on the seeds come first.

"""
