"""Stored rows → Plotly figures. Pure: no store, no page.

One fixed colour a label and one an arm (Okabe & Ito 2008, told apart by colour-blind people); what is compared against
is grey and dashed, the majority line dotted. Names from data are escaped: Plotly reads some HTML.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import plotly.graph_objects as go

from augment.arms import SEEDS_ONLY
from augment.metrics import Interval, mean_interval
from augment.records import MetricPoint, Split, TrainingRun

LABEL_COLOURS = ("#E69F00", "#56B4E9", "#009E73", "#CC79A7", "#D55E00", "#0072B2", "#B8A800")
ARM_COLOURS = ("#2A8CC7", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
BASELINE_GREY = "#8a96a3"
SPLIT_TINTS = {Split.POOL: 0.0, Split.VALIDATION: 0.4, Split.TEST: 0.7}  # how much white is mixed in
DARK_TEXT = "#10161c"  # readable on every label colour, in both themes

METRICS = {"macro_f1": "macro-F1", "accuracy": "accuracy"}


@dataclass(frozen=True, slots=True)
class ArmPoint:
    """One arm at one number of synthetic texts: the interval of a metric over its training runs."""

    arm: str
    n_synthetic: int
    interval: Interval


def label_colour(labels: Sequence[str], label: str) -> str:
    """The label's fixed colour, by its place in the task's order."""
    return LABEL_COLOURS[labels.index(label) % len(LABEL_COLOURS)] if label in labels else BASELINE_GREY


def _tint(colour: str, share: float) -> str:
    """`colour` with that share of white mixed in."""
    channels = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return "#" + "".join(f"{round(one + (255 - one) * share):02x}" for one in channels)


def arm_colours(arms: Sequence[str]) -> dict[str, str]:
    """A fixed colour for each arm in the order of its first run; training on seeds only is grey."""
    others = [arm for arm in dict.fromkeys(arms) if arm != SEEDS_ONLY]
    colours = {arm: ARM_COLOURS[i % len(ARM_COLOURS)] for i, arm in enumerate(others)}
    return {**colours, SEEDS_ONLY: BASELINE_GREY}


# Data ----------------------------------------------------------------------------------------------------------------


def split_counts(counts: Mapping[tuple[Split, str], int], labels: Sequence[str]) -> go.Figure:
    """Examples a label, one bar a label, stacked by split (darkest: pool)."""
    figure = go.Figure()
    for split in Split:
        values = [counts.get((split, label), 0) for label in labels]
        figure.add_bar(
            y=[escape(label) for label in labels],
            x=values,
            orientation="h",
            name=split.value,
            text=[value or "" for value in values],
            textposition="inside",
            insidetextanchor="middle",
            insidetextfont={"color": DARK_TEXT},
            marker_color=[_tint(label_colour(labels, label), SPLIT_TINTS[split]) for label in labels],
            hovertemplate=f"%{{y}}, {split.value}: %{{x}} texts<extra></extra>",
        )
    figure.update_layout(
        barmode="stack", showlegend=False, xaxis_title="texts: pool, validation, test (darkest to lightest)"
    )
    figure.update_yaxes(autorange="reversed")
    return _finish(figure, 70 + 44 * len(labels))


def label_shares(groups: Mapping[str, Mapping[str, int]], labels: Sequence[str]) -> go.Figure:
    """The share of each label in each group of texts, one bar a group; hover gives the counts."""
    figure = go.Figure()
    rows = list(range(len(groups)))  # bars stand by number: two long names may be shortened alike
    short = [escape(name if len(name) <= 24 else name[:23] + "…") for name in groups]
    for label in labels:
        counts = [group.get(label, 0) for group in groups.values()]
        shares = [
            n / total if (total := sum(group.values())) else 0 for n, group in zip(counts, groups.values(), strict=True)
        ]
        figure.add_bar(
            y=rows,
            x=shares,
            orientation="h",
            name=escape(label),
            marker_color=label_colour(labels, label),
            customdata=[[n, escape(name)] for n, name in zip(counts, groups, strict=True)],
            text=[f"{escape(label)} {share:.0%}" if share >= 0.12 else "" for share in shares],
            textposition="inside",
            insidetextanchor="middle",
            insidetextfont={"color": DARK_TEXT},
            hovertemplate=f"%{{customdata[1]}}: {escape(label)} %{{customdata[0]}} texts, %{{x:.1%}}<extra></extra>",
        )
    figure.update_layout(
        barmode="stack", xaxis={"title": "share of texts", "tickformat": ".0%", "range": [0, 1]}, showlegend=False
    )
    figure.update_yaxes(autorange="reversed", tickmode="array", tickvals=rows, ticktext=short)
    return _finish(figure, 76 + 40 * max(len(groups), 1))


def yield_funnel(stages: Mapping[str, int]) -> go.Figure:
    """How many completions reach each stage, first to last, with the share of the first."""
    first = next(iter(stages.values()), 0) or 1
    figure = go.Figure(
        go.Bar(
            y=list(stages),
            x=list(stages.values()),
            orientation="h",
            marker_color=ARM_COLOURS[0],
            text=[f"{n:,}  ({n / first:.0%})" for n in stages.values()],
            textposition=["inside" if n > 0.3 * first else "outside" for n in stages.values()],
            cliponaxis=False,
            hovertemplate="%{y}: %{x} completions<extra></extra>",
        )
    )
    figure.update_layout(xaxis={"title": "completions", "range": [0, first * 1.05]}, showlegend=False)
    figure.update_yaxes(autorange="reversed")
    return _finish(figure, 70 + 40 * len(stages))


# Training ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Curve:
    """One training run's points over its steps; `tag` is its short name at the line's end."""

    name: str
    tag: str
    colour: str
    points: Sequence[MetricPoint]


def step_curves(curves: Sequence[Curve], metric: str, *, n_steps: int, majority: float | None = None) -> go.Figure:
    """A metric of the test split over optimiser steps, one line a run at its true steps; `loss` also as a metric."""
    figure = go.Figure()
    for curve in curves:
        figure.add_scatter(
            x=[point.step for point in curve.points],
            y=[getattr(point, metric) for point in curve.points],
            mode="lines+markers",
            name=escape(curve.name),
            line={"color": curve.colour, "width": 2},
            marker={"size": 5},
            hovertemplate=f"{escape(curve.name)}<br>step %{{x}}: {_HOVER[metric]}<extra></extra>",
        )
    ends = [EndLabel(getattr(curve.points[-1], metric), curve.tag, curve.colour) for curve in curves if curve.points]
    if majority is not None and metric == "accuracy":
        ends.append(_add_line(figure, majority, f"majority {format_metric(metric, majority)}", "dot"))
    _add_end_labels(figure, ends, top=1.0 if metric != "loss" else max((end.y for end in ends), default=1.0))
    figure.update_layout(showlegend=False)
    figure.update_xaxes(title="optimiser step", range=[0, n_steps * 1.02])
    _set_metric_axis(figure, metric)
    return _finish(figure, 320, right=110)


def aggregate_runs(runs: Sequence[TrainingRun], metric: str) -> list[ArmPoint]:
    """Mean and 95 % interval of a metric over the measured runs of each arm and size, by arm and size.

    The runs should share one recipe (`augment.arms.name_recipe`): other encoders or steps are other experiments.
    """
    groups: dict[tuple[str, int], list[float]] = {}
    for run in runs:
        if run.last is not None:
            groups.setdefault((run.arm, run.plan.n_synthetic), []).append(getattr(run.last, metric))
    points = [ArmPoint(arm, n, mean_interval(values)) for (arm, n), values in groups.items()]
    return sorted(points, key=lambda point: (point.arm, point.n_synthetic))


def learning_curve(
    points: Sequence[ArmPoint], metric: str, colours: Mapping[str, str], *, majority: float | None = None
) -> go.Figure:
    """A metric against the number of synthetic texts, a line an arm with its 95 % interval.

    Every line begins at the mean of the runs on seeds only, which is also the dashed grey line.
    """
    figure = go.Figure()
    baseline = next((point.interval for point in points if point.arm == SEEDS_ONLY), None)
    for arm in dict.fromkeys(point.arm for point in points if point.arm != SEEDS_ONLY):
        line = [(point.n_synthetic, point.interval) for point in points if point.arm == arm]
        line = ([(0, baseline)] if baseline else []) + line
        figure.add_scatter(
            x=[n for n, _ in line],
            y=[one.mean for _, one in line],
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [one.high - one.mean for _, one in line],
                "arrayminus": [one.mean - one.low for _, one in line],
                "thickness": 1.2,
                "width": 4,
            },
            mode="lines+markers",
            name=escape(arm),
            line={"color": colours[arm], "width": 2.5},
            marker={"size": 8},
            cliponaxis=False,
            customdata=[[one.low, one.high, one.n] for _, one in line],
            hovertemplate=(
                f"{escape(arm)}<br>%{{x}} texts: {_HOVER[metric]}"
                "<br>95 %: %{customdata[0]:.3f} to %{customdata[1]:.3f}, %{customdata[2]} run(s)<extra></extra>"
            ),
        )
    ends = []
    if baseline:
        ends.append(_add_line(figure, baseline.mean, f"seeds only {format_metric(metric, baseline.mean)}", "dash"))
    if majority is not None and metric == "accuracy":
        ends.append(_add_line(figure, majority, f"majority {format_metric(metric, majority)}", "dot"))
    _add_end_labels(figure, ends, top=1.0)
    figure.update_xaxes(title="synthetic texts added to the seeds", rangemode="tozero")
    _set_metric_axis(figure, metric)
    figure.update_layout(showlegend=True, legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0})
    return _finish(figure, 380, right=110)


def describe_gain(points: Sequence[ArmPoint], metric: str) -> str:
    """The learning curve's answer in a sentence: what the best arm gained over seeds only, and which arms lose."""
    baseline = next((point.interval for point in points if point.arm == SEEDS_ONLY), None)
    others = [point for point in points if point.arm != SEEDS_ONLY]
    if baseline is None or not others:
        return f"Test {METRICS[metric]} by number of synthetic texts"
    best = max(others, key=lambda point: point.interval.mean)
    gain = 100 * (best.interval.mean - baseline.mean)
    if gain <= 0:
        return f"No arm beats training on seeds only ({METRICS[metric]} {format_metric(metric, baseline.mean)})"
    losers = [arm for arm in dict.fromkeys(point.arm for point in others) if _loses(arm, others, baseline)]
    return (
        f"{best.arm} gains {gain:.1f} points of {METRICS[metric]} with {best.n_synthetic} texts"
        f"{_caution(best, baseline)}{'; ' + ', '.join(losers) + ' loses' if losers else ''}"
    )


def _loses(arm: str, points: Sequence[ArmPoint], baseline: Interval) -> bool:
    """Whether every size of the arm lies below the baseline, at least one of them beyond both intervals."""
    intervals = [point.interval for point in points if point.arm == arm]
    is_below = all(one.mean < baseline.mean for one in intervals)
    return is_below and any(min(one.n, baseline.n) > 1 and one.high < baseline.low for one in intervals)


def _caution(best: ArmPoint, baseline: Interval) -> str:
    if min(best.interval.n, baseline.n) < 2:
        return "; one run a point, so chance is not ruled out"
    return "; the intervals overlap" if best.interval.low < baseline.high else ""


def format_metric(metric: str, value: float) -> str:
    """'82.9 %' for accuracy, '0.73' for macro-F1."""
    return f"{100 * value:.1f} %" if metric == "accuracy" else f"{value:.2f}"


_HOVER = {"accuracy": "accuracy %{y:.1%}", "macro_f1": "macro-F1 %{y:.3f}", "loss": "loss %{y:.3f} nats"}
_AXES = {"accuracy": "accuracy, test split", "macro_f1": "macro-F1, test split", "loss": "loss on the test split, nats"}


def _set_metric_axis(figure: go.Figure, metric: str) -> None:
    figure.update_yaxes(title=_AXES[metric])
    if metric == "loss":
        figure.update_yaxes(rangemode="tozero")
    else:
        figure.update_yaxes(range=[0, 1], tickformat=".0%" if metric == "accuracy" else ".1f")


@dataclass(frozen=True, slots=True)
class EndLabel:
    """What stands in the right margin beside a line's end."""

    y: float
    text: str
    colour: str


def _add_line(figure: go.Figure, y: float, text: str, dash: str) -> EndLabel:
    """A grey line across the plot; returns its name for the right margin."""
    figure.add_hline(y=y, line={"color": BASELINE_GREY, "dash": dash, "width": 1.5})
    return EndLabel(y, text, BASELINE_GREY)


def _add_end_labels(figure: go.Figure, ends: Sequence[EndLabel], *, top: float) -> None:
    """Name the lines in the right margin, in order and never on top of each other; the axis runs from 0 to `top`."""
    gap, floor = 0.065 * top, 0.0
    placed: list[tuple[float, EndLabel]] = []
    for end in sorted(ends, key=lambda end: end.y):
        floor = max(end.y, floor + gap) if placed else end.y
        placed.append((floor, end))
    for y, end in placed:
        figure.add_annotation(
            x=1.01,
            xref="paper",
            y=y,
            text=escape(end.text),
            showarrow=False,
            xanchor="left",
            font={"color": end.colour, "size": 12},
        )


def _finish(figure: go.Figure, height: int, *, right: int = 16) -> go.Figure:
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": right, "t": 16, "b": 8},
        bargap=0.3,
        hoverlabel={"namelength": -1},
        xaxis={"automargin": True},
        yaxis={"automargin": True},
    )
    return figure
