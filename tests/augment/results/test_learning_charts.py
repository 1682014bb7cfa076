"""Charts of training: what is drawn, where, in which style, and what hover shows."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import plotly.graph_objects as go
import pytest

from augment.records import Interval, MetricPoint, TextFilter, TextUse, Variant, Writer
from augment.results.charts.counts import BASELINE_GREY, DARK_TEXT, label_colour
from augment.results.charts.labels import class_chart, confusion_chart
from augment.results.charts.learning import LONGEST_IN_LEGEND, learning_curve, review_chart
from augment.results.charts.steps import Curve, step_curves
from augment.results.charts.styles import CEILING_COLOUR, VARIANT_COLOURS, variant_styles
from augment.results.comparison import VariantPoint, aggregate_runs
from augment.results.predictions import ClassFigures
from augment.results.review_gains import ReviewGain, ReviewPair
from augment.results.variants import name_variants
from tests.augment.results.made_runs import LABELS, PROBE, REAL, SEEDS, SEEDS_PROBE, make_run

WRITERS = {1: Writer("GPT-J"), 2: Writer("GPT-Neo"), 3: Writer("Gemma")}
GPT_J, GPT_NEO, GEMMA = (Variant(TextUse.RAW, (run_id,)) for run_id in WRITERS)
GPT_J_PROBE = replace(GPT_J, kind=PROBE)
VARIANTS = (GPT_J, GPT_NEO, GPT_J_PROBE)
NAMES, STYLES = name_variants(VARIANTS, WRITERS), variant_styles(VARIANTS)


def make_point(variant: Variant, n: int, mean: float, *, half: float = 0.02, n_seeds: int = 5) -> VariantPoint:
    return VariantPoint(variant, n, Interval(mean, mean - half, mean + half, n_seeds))


POINTS = [
    make_point(SEEDS, 0, 0.45),
    make_point(SEEDS_PROBE, 0, 0.50),
    make_point(GPT_J, 50, 0.55),
    make_point(GPT_J, 200, 0.61),
    make_point(GPT_NEO, 50, 0.40),
    make_point(GPT_J_PROBE, 50, 0.58),
]


def lines_of(figure: go.Figure) -> dict[str, go.Scatter]:
    """The mean lines by full name; bands have no name."""
    return {trace.customdata[-1][0]: trace for trace in figure.data if trace.customdata is not None}


def texts_of(figure: go.Figure) -> list[str]:
    return [annotation.text for annotation in figure.layout.annotations]


# Styles --------------------------------------------------------------------------------------------------------------


def test_two_variants_keep_their_styles_when_a_third_is_added() -> None:
    before, after = variant_styles(VARIANTS[:2]), variant_styles([*VARIANTS[:2], GEMMA])
    assert {variant: after[variant] for variant in VARIANTS[:2]} == {
        variant: before[variant] for variant in VARIANTS[:2]
    }
    assert len({after[variant].colour for variant in (*VARIANTS[:2], GEMMA)}) == 3


def test_a_variant_and_its_probe_share_a_colour_but_not_dash_and_symbol() -> None:
    variant, probe = STYLES[GPT_J], STYLES[GPT_J_PROBE]
    assert variant.colour == probe.colour != STYLES[GPT_NEO].colour
    assert (variant.dash, probe.dash) == ("solid", "dot")
    assert (variant.symbol, probe.symbol) == ("circle", "circle-open")


def test_variants_with_other_texts_or_labels_have_another_colour() -> None:
    others = [
        replace(GPT_J, use=TextUse.RELABELLED),
        replace(GPT_J, filter=TextFilter(agrees=True)),
        replace(GPT_J, experiment_id=2),
        replace(GPT_J, generation_run_ids=(1, 2)),
    ]
    styles = variant_styles([GPT_J, *others])
    assert len({styles[variant].colour for variant in (GPT_J, *others)}) == 5


def test_baselines_are_grey_and_the_ceiling_has_a_colour_that_no_variant_has() -> None:
    styles = variant_styles([SEEDS, REAL, *VARIANTS])
    assert {styles[SEEDS].colour, styles[SEEDS_PROBE].colour} == {BASELINE_GREY}
    assert (styles[SEEDS].dash, styles[SEEDS_PROBE].dash) == ("dash", "dashdot")
    assert styles[REAL].colour == CEILING_COLOUR
    assert styles[REAL].dash not in {"solid", "dash", "dashdot", "dot"}
    assert styles[GPT_J].colour == VARIANT_COLOURS[0]


def test_the_ceilings_of_several_experiments_differ_in_dash_and_symbol() -> None:
    ceilings = [REAL, replace(REAL, experiment_id=3), replace(REAL, experiment_id=2)]
    probes = [replace(ceiling, kind=PROBE) for ceiling in ceilings]
    styles = variant_styles([*ceilings, *VARIANTS, *probes])
    looks = [styles[ceiling] for ceiling in ceilings]
    assert {look.colour for look in looks} == {CEILING_COLOUR}
    assert len({look.dash for look in looks}) == len({look.symbol for look in looks}) == len(ceilings)
    assert {look.dash for look in looks}.isdisjoint(styles[variant].dash for variant in (SEEDS, SEEDS_PROBE, *VARIANTS))
    assert len({styles[probe].symbol for probe in probes}) == len(ceilings)
    assert styles[REAL] == variant_styles([REAL])[REAL]  # a later ceiling leaves it as it is
    names = name_variants(ceilings[1:], WRITERS)
    points = [make_point(ceiling, 50, 0.6) for ceiling in ceilings[1:]]
    lines = lines_of(learning_curve(points, "macro_f1", styles, names))
    assert lines["real texts · experiment 3"].line.dash != lines["real texts · experiment 2"].line.dash


def test_the_second_round_of_colours_has_other_symbols() -> None:
    variants = [Variant(TextUse.RAW, (i,)) for i in range(3 * len(VARIANT_COLOURS))]
    styles = variant_styles(variants)
    assert len({(styles[variant].colour, styles[variant].symbol) for variant in variants}) == len(variants)
    assert styles[variants[0]].colour == styles[variants[len(VARIANT_COLOURS)]].colour


# Learning curve ------------------------------------------------------------------------------------------------------


def test_every_line_starts_at_the_baseline_of_its_classifier_kind() -> None:
    lines = lines_of(learning_curve(POINTS, "macro_f1", STYLES, NAMES))
    assert list(lines["GPT-J"].x) == [0, 50, 200]
    assert list(lines["GPT-J"].y) == [0.45, 0.55, 0.61]
    assert list(lines["GPT-J · linear probe"].y) == [0.50, 0.58]
    assert lines["GPT-J · linear probe"].line.dash == "dot"
    without = lines_of(learning_curve(POINTS[2:], "macro_f1", STYLES, NAMES))
    assert list(without["GPT-J"].x) == [50, 200]


def test_lines_are_drawn_in_the_order_of_the_styles() -> None:
    styles = variant_styles([GPT_J_PROBE, GPT_NEO, GPT_J])
    lines = lines_of(learning_curve(POINTS, "macro_f1", styles, NAMES))
    assert list(lines)[:3] == ["GPT-J · linear probe", "GPT-Neo", "GPT-J"]


def test_the_interval_is_a_band_in_the_line_s_colour_without_hover() -> None:
    figure = learning_curve(POINTS, "macro_f1", STYLES, NAMES)
    bands = [trace for trace in figure.data if trace.fill == "toself"]
    assert len(bands) == 3
    assert list(bands[0].x) == [0, 50, 200, 200, 50, 0]
    assert list(bands[0].y) == pytest.approx([0.47, 0.57, 0.63, 0.59, 0.53, 0.43])
    assert bands[0].hoverinfo == "skip"
    colour = STYLES[GPT_J].colour
    channels = ",".join(str(int(colour[i : i + 2], 16)) for i in (1, 3, 5))
    assert bands[0].fillcolor.startswith(f"rgba({channels},0.")


def test_points_with_one_run_have_no_band() -> None:
    points = aggregate_runs([make_run(SEEDS, 0, 0.4), make_run(GPT_J, 50, 0.5)], "macro_f1")
    figure = learning_curve(points, "macro_f1", STYLES, NAMES)
    assert not any(trace.fill for trace in figure.data)


def test_hover_shows_the_full_name_and_exact_figures() -> None:
    accepted = Variant(TextUse.ACCEPTED, (3,))
    writers = {**WRITERS, 3: Writer("SmolLM2-135M-Instruct + Gemma-3-270M", "mix")}
    variants = [*VARIANTS, accepted]
    names, styles = name_variants(variants, writers), variant_styles(variants)
    figure = learning_curve([*POINTS, make_point(accepted, 100, 0.5)], "macro_f1", styles, names)
    name = "SmolLM2-135M-Instruct + Gemma-3-270M · mix · accepted"
    line = lines_of(figure)[name]
    assert line.customdata[-1] == [name, 0.48, 0.52, 5]
    assert "%{x:,} texts: macro-F1 %{y:.3f}" in line.hovertemplate
    assert "%{customdata[1]:.3f} to %{customdata[2]:.3f}" in line.hovertemplate
    assert len(line.name) <= LONGEST_IN_LEGEND
    assert line.name.endswith("mix · accepted")  # variants differ at the end of their names


def test_baselines_span_the_chart_and_are_named_in_the_margin() -> None:
    figure = learning_curve(POINTS, "macro_f1", STYLES, NAMES)
    assert {(shape.y0, shape.line.dash) for shape in figure.layout.shapes} == {(0.45, "dash"), (0.50, "dashdot")}
    assert {"seeds only 0.45", "seeds only ·<br>linear probe 0.50"} <= set(texts_of(figure))


def test_only_accuracy_charts_have_the_majority_line() -> None:
    accuracy = learning_curve(POINTS, "accuracy", STYLES, NAMES, majority=0.674)
    assert "majority 67.4%" in texts_of(accuracy)
    assert "dot" in {shape.line.dash for shape in accuracy.layout.shapes}
    macro_f1 = learning_curve(POINTS, "macro_f1", STYLES, NAMES, majority=0.674)
    assert not any("majority" in text for text in texts_of(macro_f1))


def test_a_few_lines_are_named_at_their_ends_and_many_in_a_legend() -> None:
    few = learning_curve(POINTS, "macro_f1", STYLES, NAMES)
    assert not few.layout.showlegend
    assert {"GPT-J 0.61", "GPT-Neo 0.40"} <= set(texts_of(few))
    variants, writers = [Variant(TextUse.RAW, (i,)) for i in range(5)], {i: Writer(f"LM {i}") for i in range(5)}
    points = [make_point(SEEDS, 0, 0.45), *(make_point(variant, 50, 0.5) for variant in variants)]
    many = learning_curve(points, "macro_f1", variant_styles(variants), name_variants(variants, writers))
    assert many.layout.showlegend
    assert texts_of(many) == []
    assert [trace.name for trace in many.data if trace.showlegend is not False] == [
        *(writer.name for writer in writers.values()),
        "seeds only 0.45",
    ]


def test_an_interval_of_two_rng_seeds_does_not_stretch_the_axis() -> None:
    def axis(n: int) -> tuple[float, float]:
        points = [
            VariantPoint(SEEDS, 0, Interval(0.5, 0.0, 1.0, n)),
            VariantPoint(GPT_J, 50, Interval(0.55, 0.0, 1.0, n)),
        ]
        return tuple(learning_curve(points, "macro_f1", STYLES, NAMES).layout.yaxis.range)

    assert axis(3) == (0.0, 1.0)
    assert axis(2) == pytest.approx((0.375, 0.675))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.50, 0.52], (0.35, 0.65)),  # values close together: 0.3 around them
        ([0.95, 0.99], (0.7, 1.0)),  # at the top
        ([0.02, 0.05], (0.0, 0.3)),  # at the bottom
        ([0.31, 0.78], (0.3, 0.8)),
    ],
)
def test_the_axis_fits_the_data_between_0_and_1_with_a_minimum_height(
    values: list[float], expected: tuple[float, float]
) -> None:
    points = [make_point(GPT_J, 10 * (i + 1), value, half=0.0) for i, value in enumerate(values)]
    figure = learning_curve(points, "macro_f1", STYLES, NAMES)
    assert figure.layout.yaxis.range == pytest.approx(expected, abs=0.051)
    low, high = figure.layout.yaxis.range
    assert 0 <= low < min(values)
    assert max(values) < high <= 1
    assert high - low >= 0.3 - 1e-9


def test_intervals_wider_than_the_scale_are_cut_at_0_and_1() -> None:
    figure = learning_curve([make_point(GPT_J, 10, 0.5, half=2.0)], "macro_f1", STYLES, NAMES)
    assert figure.layout.yaxis.range == (0.0, 1.0)


@pytest.mark.parametrize(
    ("sizes", "written"),
    [
        ((10, 50, 100, 500), [0, 100, 500]),
        ((50, 180, 200), [0, 50, 200]),  # the largest size is the one that claims are about
        ((10, 20, 50, 100, 200), [0, 20, 50, 100, 200]),
        ((50, 200), [0, 50, 200]),
        ((3,), [0, 3]),
    ],
)
def test_sizes_are_to_scale_and_labelled_if_there_is_room(sizes: tuple[int, ...], written: list[int]) -> None:
    figure = learning_curve([make_point(GPT_J, n, 0.5) for n in sizes], "macro_f1", STYLES, NAMES)
    assert list(figure.layout.xaxis.tickvals) == written
    assert list(lines_of(figure)["GPT-J"].x) == list(sizes)


def test_nothing_measured_yet_is_an_empty_chart() -> None:
    assert learning_curve([], "macro_f1", variant_styles([]), name_variants([], {})).layout.yaxis.range == (0.0, 1.0)


# Curves over steps ---------------------------------------------------------------------------------------------------

STEPS = [MetricPoint(step, 0.5, 1.0, step / 100, step / 200) for step in (20, 40, 60)]


def test_step_curves_are_drawn_at_their_true_steps() -> None:
    figure = step_curves([Curve("run", "run 1", "#123456", STEPS)], "accuracy", n_steps=60, majority=0.5)
    assert list(figure.data[0].x) == [20, 40, 60]
    assert list(figure.data[0].y) == [0.2, 0.4, 0.6]
    assert "majority 50.0%" in texts_of(figure)


def test_a_smoothed_line_is_drawn_in_front_of_its_measured_points() -> None:
    figure = step_curves([Curve("run", "run 1", "#123456", STEPS)], "accuracy", n_steps=60, smoothing=0.5)
    measured, line = figure.data[:2]
    assert (measured.mode, list(measured.y)) == ("markers", [0.2, 0.4, 0.6])
    assert measured.opacity < 0.5
    assert line.mode == "lines"
    # averages 0.1, 0.25, 0.425, corrected by 0.5, 0.75, 0.875
    assert list(line.y) == pytest.approx([0.2, 1 / 3, 0.425 / 0.875])


def test_best_and_last_step_are_marked() -> None:
    points = [*STEPS, MetricPoint(80, 0.5, 1.0, 0.5, 0.1)]
    figure = step_curves([Curve("run", "run 1", "#123456", points)], "accuracy", n_steps=80)
    marks = figure.data[1]
    assert (list(marks.x), list(marks.y)) == ([60, 80], [0.6, 0.5])
    assert list(marks.marker.symbol) == ["star", "circle-open"]
    assert [trace.name for trace in figure.data[2:]] == ["best step, in hindsight", "last step"]


def test_a_run_without_points_yet_draws_nothing() -> None:
    assert len(step_curves([Curve("run", "run 1", "#123456", [])], "loss", n_steps=60).data) == 0


def test_names_at_line_ends_neither_overlap_nor_leave_the_chart() -> None:
    curves = [Curve(f"{i}", f"run {i}", "#123456", [MetricPoint(20, 0.5, 1.0, 0.5, 0.9 + i / 100)]) for i in range(6)]
    figure = step_curves(curves, "macro_f1", n_steps=20)
    heights = [annotation.y for annotation in figure.layout.annotations]
    assert texts_of(figure) == [f"run {i}" for i in range(6)]  # in the order of the lines
    assert min(b - a for a, b in pairwise(heights)) >= 0.06
    assert max(heights) <= 1.0


# Labels, review ------------------------------------------------------------------------------------------------------


def test_the_confusion_chart_is_coloured_by_share_of_the_row_and_shows_counts() -> None:
    figure = confusion_chart(np.array([[3, 1, 0], [0, 0, 0], [1200, 0, 1200]]), LABELS)
    assert np.array(figure.data[0].z).tolist() == [[0.75, 0.25, 0.0], [0.0, 0.0, 0.0], [0.5, 0.0, 0.5]]
    texts = {(annotation.y, annotation.x): annotation.text for annotation in figure.layout.annotations}
    assert texts[0, 1] == "<b>1</b><br>25%"
    assert texts[2, 0] == "<b>1,200</b><br>50%"
    assert figure.layout.yaxis.autorange == "reversed"  # the first label on top
    assert figure.data[0].customdata[0][1] == ["joy", "anger", 1]


def test_figures_on_faint_cells_have_the_pages_own_colour_on_a_dark_page_only() -> None:
    matrix = np.array([[3, 1], [0, 4]])
    light, dark = (
        [
            annotation.font.color
            for annotation in confusion_chart(matrix, LABELS[:2], is_dark=is_dark).layout.annotations
        ]
        for is_dark in (False, True)
    )
    assert light == [DARK_TEXT] * 4
    assert dark == [DARK_TEXT, None, None, DARK_TEXT]


def test_the_class_chart_shows_three_metrics_per_label_in_its_colour() -> None:
    figures = [
        ClassFigures(label, 20, Interval(0.5, 0.4, 0.6, 5), Interval(0.7, 0.6, 0.8, 5), Interval(0.6, 0.5, 0.75, 5))
        for label in LABELS[1:]
    ]
    chart = class_chart(figures, LABELS)
    assert [trace.marker.color for trace in chart.data] == [label_colour(LABELS, label) for label in LABELS[1:]]
    assert list(chart.data[0].x) == [0.6, 0.5, 0.7]  # F1, precision, recall
    assert list(chart.data[0].error_x.array) == pytest.approx([0.15, 0.1, 0.1])
    assert list(chart.data[0].error_x.arrayminus) == pytest.approx([0.1, 0.1, 0.1])
    assert texts_of(chart)[:3] == ["F1 0.60", "precision 0.50", "recall 0.70"]
    assert chart.layout.yaxis.ticktext == ("anger<br>20 texts", "surprise<br>20 texts")


def at(mean: float, *, half: float = 0.1, n_seeds: int = 5) -> Interval:
    return Interval(mean, mean - half, mean + half, n_seeds)


TWO_GAINS = [
    ReviewGain(GPT_J, 9, [ReviewPair(TextUse.RELABELLED, 50, at(0.5), at(0.7), None, True)]),
    ReviewGain(
        GPT_NEO,
        3,
        [ReviewPair(TextUse.ACCEPTED, 10, *(at(mean, half=0.0, n_seeds=1) for mean in (0.3, 0.4)), None, False)],
    ),
]


def test_the_review_chart_has_a_row_per_source_and_use_with_its_figure() -> None:
    chart = review_chart(TWO_GAINS, "macro_f1", NAMES)
    dots = {trace.name: trace for trace in chart.data}
    assert {name: (list(trace.y), list(trace.x)) for name, trace in dots.items()} == {
        "raw": ([0, 2], [0.5, 0.3]),
        "accepted": ([3], [0.4]),
        "relabelled": ([1], [0.7]),
    }
    assert {trace.mode for trace in chart.data} == {"markers"}
    assert [(annotation.y, annotation.text) for annotation in chart.layout.annotations] == [
        (0, "0.50"),
        (1, "0.70"),
        (2, "0.30"),
        (3, "0.40"),
    ]
    assert list(chart.layout.yaxis.ticktext) == [
        "<b>GPT-J</b><br>raw, 50 texts",
        "relabelled, 50 texts",
        "<b>GPT-Neo</b><br>raw, 10 texts",
        "accepted, 10 texts",
    ]
    assert tuple(chart.layout.yaxis.range) == (3.5, -0.5)  # the first on top
    assert tuple(chart.layout.xaxis.range) == (0.25, 0.85)  # means and intervals reach from 0.3 to 0.8
    assert len({trace.marker.color for trace in chart.data}) == 3


def test_the_review_chart_has_intervals_as_whiskers_and_full_details_on_hover() -> None:
    raw, *_ = review_chart(TWO_GAINS, "macro_f1", NAMES).data
    assert list(raw.error_x.array) == pytest.approx([0.1, 0.0])
    assert list(raw.error_x.arrayminus) == pytest.approx([0.1, 0.0])
    assert [list(row) for row in raw.customdata] == [["GPT-J", 50, 0.4, 0.6, 5], ["GPT-Neo", 10, 0.3, 0.3, 1]]
    assert "%{customdata[1]:,} texts: macro-F1 %{x:.3f}" in raw.hovertemplate
    accuracy = review_chart(TWO_GAINS, "accuracy", NAMES)
    assert "accuracy %{x:.1%}" in accuracy.data[0].hovertemplate
    assert texts_of(accuracy) == ["50.0%", "70.0%", "30.0%", "40.0%"]


def test_raw_has_a_row_for_each_size_at_which_something_is_compared_with_it() -> None:
    pairs = [
        ReviewPair(TextUse.REVIEWED, 10, at(0.48), at(0.63), None, False),
        ReviewPair(TextUse.RELABELLED, 50, at(0.51), at(0.65), None, True),
    ]
    chart = review_chart([ReviewGain(GPT_J, 9, pairs)], "macro_f1", NAMES)
    assert list(chart.layout.yaxis.ticktext) == [
        "raw, 50 texts",
        "relabelled, 50 texts",
        "raw, 10 texts",
        "reviewed, 10 texts",
    ]
    assert texts_of(chart) == ["0.51", "0.65", "0.48", "0.63"]


def test_a_single_source_is_not_named_and_the_height_depends_on_the_rows() -> None:
    single, both = review_chart(TWO_GAINS[:1], "macro_f1", NAMES), review_chart(TWO_GAINS, "macro_f1", NAMES)
    assert list(single.layout.yaxis.ticktext) == ["raw, 50 texts", "relabelled, 50 texts"]
    assert single.layout.height < both.layout.height
    assert len(review_chart([], "macro_f1", NAMES).data) == 0


def test_two_runs_by_the_same_writer_are_two_sources_on_the_review_chart() -> None:
    names = name_variants([GPT_J, GPT_NEO], {1: Writer("GPT-J"), 2: Writer("GPT-J")})
    ticks = review_chart(TWO_GAINS, "macro_f1", names).layout.yaxis.ticktext
    assert [ticks[0], ticks[2]] == ["<b>GPT-J (run 1)</b><br>raw, 50 texts", "<b>GPT-J (run 2)</b><br>raw, 10 texts"]


HOSTILE = name_variants(VARIANTS, {**WRITERS, 2: Writer("<b>x</b>")})


@pytest.mark.parametrize(
    "figure",
    [
        learning_curve([make_point(GPT_NEO, 50, 0.5)], "macro_f1", STYLES, HOSTILE),
        step_curves([Curve("<b>x</b>", "<b>x</b>", "#123456", STEPS)], "macro_f1", n_steps=60, smoothing=0.5),
        confusion_chart(np.array([[1]]), ["<b>x</b>"]),
        class_chart([ClassFigures("<b>x</b>", 1, *[Interval(0.5, 0.5, 0.5, 1)] * 3)], ["<b>x</b>"]),
        review_chart(TWO_GAINS, "macro_f1", HOSTILE),
    ],
)
def test_names_from_data_are_not_read_as_html(figure: go.Figure) -> None:
    drawn = str(figure.to_dict())
    assert "&lt;b&gt;x&lt;/b&gt;" in drawn
    assert "<b>x" not in drawn


@pytest.mark.parametrize("metric", ["macro_f1", "accuracy"])
def test_axes_have_titles_and_heights_are_fixed(metric: str) -> None:
    name = {"macro_f1": "macro-F1", "accuracy": "accuracy"}[metric]
    curve = learning_curve(POINTS, metric, STYLES, NAMES)
    assert curve.layout.xaxis.title.text == "synthetic texts added"
    assert curve.layout.yaxis.title.text == f"{name}, test split"
    assert step_curves([], metric, n_steps=60).layout.xaxis.title.text == "optimiser step"
    assert review_chart(TWO_GAINS, metric, NAMES).layout.xaxis.title.text == f"{name}, test split"
    assert curve.layout.height == learning_curve(POINTS[:3], metric, STYLES, NAMES).layout.height
