"""Names are for display only and never parsed, so misleading writer names cannot change a variant."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations

import pytest

from augment.records import (
    ClassifierKind,
    Experiment,
    ExperimentConfig,
    TextFilter,
    TextUse,
    TrainingConfig,
    TrainingRun,
    Variant,
    Writer,
)
from augment.results.charts.counts import BASELINE_GREY, label_shares
from augment.results.charts.learning import learning_curve
from augment.results.charts.styles import CEILING_COLOUR, VARIANT_COLOURS, variant_styles
from augment.results.comparison import aggregate_runs, compare_with_baseline
from augment.results.headlines import describe_variants, headline
from augment.results.variants import (
    REAL_TEXTS,
    SEEDS_ONLY,
    TEST_SPLIT,
    name_filter,
    name_recipe,
    name_run,
    name_variants,
)
from tests.augment.results.made_runs import (
    A_PROBE,
    DONE,
    LABELS,
    NOW,
    PROBE,
    REAL,
    SEEDS,
    SEEDS_PROBE,
    WRITERS,
    A,
    B,
    make_run,
    make_runs,
)

RAW, RELABELLED, SOFT = TextUse.RAW, TextUse.RELABELLED, TextUse.SOFT
AGREED = TextFilter(agrees=True)

# Names ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variants", "expected", "shared"),
    [
        ([A], ["raw"], "A"),
        ([A, Variant(RELABELLED, (1,)), Variant(SOFT, (1,))], ["raw", "relabelled", "soft labels"], "A"),
        ([A, B], ["A", "B"], "raw"),
        ([A, Variant(RELABELLED, (2,))], ["A · raw", "B · relabelled"], ""),
        ([Variant(RAW, (2, 1))], ["raw"], "A + B"),
        ([Variant(RAW, (2, 1)), A], ["A + B", "A"], "raw"),
        ([A, Variant(RAW, (1,), AGREED)], ["raw", "raw · agreed"], "A"),
        ([A, A_PROBE], ["raw", "raw · linear probe"], "A"),
        ([A_PROBE], ["raw"], "A · linear probe"),
        ([A_PROBE, replace(A_PROBE, generation_run_ids=(2,))], ["A", "B"], "raw · linear probe"),
        ([A, REAL], ["raw", "real texts"], "A"),
        ([A, replace(REAL, kind=PROBE)], ["raw", "real texts · linear probe"], "A"),
        ([REAL], ["real texts"], ""),
        ([SEEDS, SEEDS_PROBE], ["seeds only", "seeds only · linear probe"], ""),
        ([], [], ""),
    ],
)
def test_what_all_variants_share_is_stated_once_and_left_out_of_names(
    variants: list[Variant], expected: list[str], shared: str
) -> None:
    names = name_variants(variants, WRITERS)
    assert [names[variant] for variant in variants] == expected
    assert names.shared == shared
    parts = {part for name in names.names.values() for part in name.split(" · ")}
    assert parts.isdisjoint(shared.split(" · "))


def test_an_lm_or_strategy_that_all_variants_share_is_also_stated_once() -> None:
    mix, conditional = Writer("SmolLM2", "mix"), Writer("SmolLM2", "conditional")
    names = name_variants([A, Variant(RELABELLED, (2,))], {1: mix, 2: conditional})
    assert ([names[A], names.shared], names.sources[A]) == (["mix · raw", "SmolLM2"], "mix")
    names = name_variants([A, B], {1: mix, 2: Writer("GPT-J", "mix")})
    assert ([names[A], names[B]], names.shared) == (["SmolLM2", "GPT-J"], "mix · raw")
    names = name_variants([A, B], {1: mix, 2: Writer("SmolLM2")})  # an import of that name has no strategy
    assert ([names[A], names[B]], names.shared) == (["SmolLM2 · mix", "SmolLM2"], "raw")


def test_baselines_of_compared_variants_also_have_names() -> None:
    assert name_variants([A], WRITERS)[SEEDS] == "seeds only"
    names = name_variants([A, A_PROBE], WRITERS)
    assert (names[SEEDS], names[SEEDS_PROBE]) == ("seeds only", "seeds only · linear probe")
    assert name_variants([A_PROBE], WRITERS)[SEEDS_PROBE] == "seeds only"  # all share the probe
    assert name_variants([A_PROBE], WRITERS).shared == "A · linear probe"


def test_source_names_leave_out_which_labels_are_used() -> None:
    given = [A, Variant(RELABELLED, (1,)), Variant(RAW, (1,), AGREED), A_PROBE]
    names = name_variants(given, WRITERS)
    assert [names.sources[variant] for variant in given] == ["fine-tuned", "fine-tuned", "agreed", "linear probe"]
    given = [A, Variant(RELABELLED, (2,), AGREED)]
    names = name_variants(given, WRITERS)
    assert [names.sources[variant] for variant in given] == ["A", "B · agreed"]
    repeated = [replace(A, experiment_id=number) for number in (1, 2)]
    assert {name_variants(repeated, WRITERS).sources[variant] for variant in repeated} == {"A"}


def test_the_name_of_a_filter_lists_everything_it_does() -> None:
    assert name_filter(TextFilter()) == []
    assert name_filter(TextFilter(agrees=True, keep_share=0.29, is_balanced=True)) == [
        "agreed",
        "surest 29%",
        "balanced",
    ]
    shares = [Variant(RAW, (1,), TextFilter(keep_share=share)) for share in (0.5, 0.504)]
    names = name_variants(shares, WRITERS)
    assert [names[variant] for variant in shares] == ["raw · surest 50%", "raw · surest 50.4%"]


def test_the_same_variant_in_two_experiments_is_named_with_the_experiment_number() -> None:
    first, second, alone = replace(A, experiment_id=3), replace(A, experiment_id=8), Variant(RELABELLED, (1,))
    names = name_variants([first, second, alone], WRITERS)
    assert [names[variant] for variant in (first, second, alone)] == [
        "raw · experiment 3",
        "raw · experiment 8",
        "relabelled",
    ]
    ceilings = [replace(REAL, experiment_id=number) for number in (3, 8)]
    names = name_variants([first, second, *ceilings], WRITERS)
    assert [names[ceiling] for ceiling in ceilings] == ["real texts · experiment 3", "real texts · experiment 8"]
    assert len(names.names) == len(set(names.names.values())) == 5  # there is one baseline


def test_different_runs_by_the_same_writer_are_numbered() -> None:
    writers = {1: Writer("A"), 2: Writer("A"), 3: Writer("B")}
    given = [A, Variant(RAW, (2,), AGREED), Variant(RELABELLED, (3,))]
    names = name_variants(given, writers)
    assert [names[variant] for variant in given] == ["A (run 1) · raw", "A (run 2) · raw · agreed", "B · relabelled"]
    given = [A, B, Variant(RAW, (1, 2))]
    names = name_variants(given, writers)
    assert [names[variant] for variant in given] == ["A (run 1)", "A (run 2)", "A (runs 1, 2)"]
    assert names.shared == "raw"


def test_runs_and_recipes_have_names() -> None:
    names = name_variants([A, B], WRITERS)
    assert name_run(make_run(A, 50, 0.5, rng_seed=2), names) == "3 · A · 50 texts · RNG seed 2"
    assert name_run(make_run(A, 1, 0.5), names) == "1 · A · 1 text · RNG seed 0"
    assert name_run(make_run(SEEDS, 0, 0.5), names) == "1 · seeds only · RNG seed 0"

    def recipe(training: TrainingConfig, rng_seeds: tuple[int, ...] = (0, 1)) -> str:
        config = ExperimentConfig(1, training, rng_seeds=rng_seeds)
        return name_recipe(Experiment(1, 1, "first", config, (), DONE, NOW))

    short = TrainingConfig(LABELS, steps=125)
    assert recipe(short) == recipe(short, (2, 3)) != recipe(TrainingConfig(LABELS, steps=312))
    assert " · 125 steps · " in recipe(short)
    assert " · 1 epoch · " in recipe(TrainingConfig(LABELS, epochs=1))
    assert " · 2 epochs · " in recipe(TrainingConfig(LABELS, epochs=2))


# Writers with misleading names ---------------------------------------------------------------------------------------

MISLEADING = {
    number: Writer(name)
    for number, name in {
        1: "real texts",
        2: "real texts, batch 2",
        3: "seeds only",
        4: "x · linear probe",
        5: "x",
        6: "twin",
        7: "twin",
        8: "twin (run 7)",
        9: "seeds only · linear probe",
        10: TEST_SPLIT,
        11: "real texts · linear probe",
    }.items()
}
OF_ONE_USE = [Variant(RAW, (run_id,)) for run_id in MISLEADING]
PROBES = [Variant(RAW, (run_id,), kind=PROBE) for run_id in (1, 3, 5)]
OF_TWO_USES = [Variant(use, (run_id,)) for run_id in MISLEADING for use in (RAW, RELABELLED)]
CEILINGS = [REAL, replace(REAL, kind=PROBE)]
BASELINES = [Variant(kind=kind) for kind in ClassifierKind]
GROUPS = [
    OF_ONE_USE,
    [*OF_ONE_USE, *PROBES],
    [*OF_ONE_USE, *PROBES, *CEILINGS],
    [*OF_TWO_USES, *PROBES, *CEILINGS, *BASELINES],
    [Variant(RAW, (4,)), Variant(RAW, (5,), kind=PROBE)],
    [Variant(RAW, (4,)), Variant(RELABELLED, (5,), kind=PROBE)],
    [Variant(RAW, (6,)), Variant(RAW, (7,)), Variant(RAW, (8,))],
    *(list(pair) for pair in combinations([*OF_ONE_USE, *PROBES], 2)),
]


@pytest.mark.parametrize("variants", GROUPS)
def test_variants_and_baselines_have_distinct_names_even_with_misleading_writer_names(variants: list[Variant]) -> None:
    names = name_variants(variants, MISLEADING)
    assert {*variants, *(variant.baseline for variant in variants)} == set(names.names)
    assert len(set(names.names.values())) == len(names.names)
    fixed = {SEEDS_ONLY, REAL_TEXTS, TEST_SPLIT}
    fixed |= {f"{name} · {kind}" for name in (SEEDS_ONLY, REAL_TEXTS) for kind in ClassifierKind}
    assert fixed.isdisjoint(name for variant, name in names.names.items() if variant.is_synthetic)
    by_source: dict[str, set[tuple[int, ...]]] = {}
    for variant in variants:
        by_source.setdefault(names.sources[variant], set()).add(variant.generation_run_ids)
    assert all(len(run_ids) == 1 for run_ids in by_source.values())


def test_run_numbers_distinguish_misleading_names() -> None:
    names = name_variants([*OF_ONE_USE, REAL], MISLEADING)
    assert [names[variant] for variant in [*OF_ONE_USE, REAL]] == [
        "real texts (run 1)",
        "real texts, batch 2",
        "seeds only (run 3)",
        "x · linear probe",
        "x",
        "twin (run 6)",
        "twin (run 7)",
        "twin (run 7) (run 8)",
        "seeds only · linear probe (run 9)",
        "test split (run 10)",
        "real texts · linear probe (run 11)",
        "real texts",
    ]
    confused = [Variant(RAW, (4,)), Variant(RAW, (5,), kind=PROBE)]
    names = name_variants(confused, MISLEADING)
    assert [names[variant] for variant in confused] == ["x · linear probe (run 4)", "x (run 5) · linear probe"]


ALL = [*OF_ONE_USE, *PROBES, *CEILINGS]
MEANS = {variant: 0.60 + i / 100 for i, variant in enumerate(ALL)}


def train(means: Mapping[Variant, float] = MEANS) -> list[TrainingRun]:
    """Three RNG seeds per variant and baseline; the gains of the first variant vary least."""
    runs = [*make_runs(SEEDS, 0, [0.40, 0.41, 0.39]), *make_runs(SEEDS_PROBE, 0, [0.50, 0.51, 0.49])]
    for i, (variant, mean) in enumerate(means.items(), start=1):
        step = 0.01 + i / 10_000
        runs += make_runs(variant, 50, [mean, mean + step, mean - step])
    return runs


def test_misleading_names_give_no_variant_the_style_of_the_ceiling_or_a_baseline() -> None:
    styles = variant_styles(ALL)
    ceilings = {styles[ceiling].colour for ceiling in CEILINGS}
    assert ceilings == {CEILING_COLOUR}
    assert {styles[baseline].colour for baseline in BASELINES} == {BASELINE_GREY}
    synthetic = [styles[variant] for variant in ALL if variant.is_synthetic]
    assert {style.colour for style in synthetic} <= set(VARIANT_COLOURS)
    assert len(set(synthetic)) == len(synthetic)
    assert {style.dash for style in synthetic} == {"solid", "dot"}
    dots = [variant for variant in ALL if variant.is_synthetic and styles[variant].dash == "dot"]
    assert dots == PROBES


def test_with_misleading_names_each_line_starts_at_its_own_baseline() -> None:
    runs, styles = train(), variant_styles(ALL)
    names = name_variants([run.variant for run in runs], MISLEADING)
    figure = learning_curve(aggregate_runs(runs, "macro_f1"), "macro_f1", styles, names)
    drawn = [trace for trace in figure.data if trace.customdata is not None]
    assert len({trace.legendgroup for trace in drawn}) == len(drawn) == len(ALL) + 2
    lines = {trace.customdata[-1][0]: trace for trace in drawn}
    assert set(lines) == set(names.names.values())
    for variant, mean in MEANS.items():
        start = 0.50 if variant.kind is PROBE else 0.40
        assert list(lines[names[variant]].x) == [0, 50]
        assert list(lines[names[variant]].y) == pytest.approx([start, mean])
        assert lines[names[variant]].customdata[0][0] == names[variant.baseline]
        assert lines[names[variant]].line.color == styles[variant].colour
    assert list(lines["seeds only"].x) == [0]
    assert list(lines["seeds only"].y) == pytest.approx([0.40])
    across = {(round(shape.y0, 9), shape.line.dash) for shape in figure.layout.shapes}
    assert across == {(0.40, "dash"), (0.50, "dashdot")}


def test_with_misleading_names_each_variant_is_compared_with_its_own_baseline() -> None:
    found = {difference.variant: difference.interval.mean for difference in compare_with_baseline(train(), "macro_f1")}
    assert found == {
        variant: pytest.approx(mean - (0.50 if variant.kind is PROBE else 0.40)) for variant, mean in MEANS.items()
    }


@pytest.mark.parametrize("variant", [*OF_ONE_USE, *PROBES])
def test_the_headline_does_not_confuse_variants_with_the_ceiling(variant: Variant) -> None:
    runs = train({variant: 0.60, REAL: 0.90})
    names = name_variants([run.variant for run in runs], MISLEADING)
    answer = headline(runs, "macro_f1", names)
    gain = "+10.0" if variant.kind is PROBE else "+20.0"
    assert answer.startswith(f"50 raw texts beat the 30 seeds alone: {gain} points of macro-F1")
    assert "too" not in answer
    assert headline(train({REAL: 0.90}), "macro_f1", names).startswith("macro-F1 on the test split")


def test_the_headline_and_the_chart_use_the_same_writer_name() -> None:
    def beat(best: Variant, *others: Variant) -> str:
        runs = train({best: 0.90, **dict.fromkeys(others, 0.60)})
        names = name_variants([run.variant for run in runs], MISLEADING)
        return headline(runs, "macro_f1", names).partition(" beat ")[0]

    assert beat(OF_ONE_USE[0], OF_ONE_USE[1], REAL) == "50 raw texts (real texts (run 1))"
    assert beat(OF_ONE_USE[1], OF_ONE_USE[0], REAL) == "50 raw texts (real texts, batch 2)"
    assert beat(OF_ONE_USE[5], Variant(RELABELLED, (7,))) == "50 raw texts (twin (run 6))"


def test_every_variant_is_described_under_its_own_name() -> None:
    runs = train()
    names = name_variants([run.variant for run in runs], MISLEADING)
    sentences = describe_variants(runs, "macro_f1", names)
    order = sorted(ALL, key=lambda variant: MEANS[variant] - (0.50 if variant.kind is PROBE else 0.40), reverse=True)
    beginnings = [f"{names[variant]}, 50 texts: better than {names[variant.baseline]}, +" for variant in order]
    assert len(sentences) == len(beginnings)
    assert all(sentence.startswith(start) for sentence, start in zip(sentences, beginnings, strict=True))


def test_a_writer_named_like_the_test_split_has_its_own_bar() -> None:
    variants: Sequence[Variant] = OF_ONE_USE[-2:]
    names = name_variants(variants, MISLEADING)
    groups = {names[variant]: {"joy": 1} for variant in variants} | {TEST_SPLIT: {"anger": 1}}
    assert list(label_shares(groups, LABELS).layout.yaxis.ticktext) == [
        "test split (run 10)",
        "real texts · linear probe (run…",
        "test split",
    ]
