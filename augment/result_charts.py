"""Training's figures → Plotly charts: learning curves, curves over steps, confusion, labels, what review bought.

Pure: no store, no page; reads what `augment.comparison` makes. Colour follows the texts: an arm and its linear probe
share one, told apart by dash and symbol. What is compared against is grey, the majority line dotted.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from augment.arms import REAL_TEXTS, name_baseline, split_kind
from augment.charts import ACCENT, BASELINE_GREY, DARK_TEXT, fade, finish, label_colour, plain, shorten, tint
from augment.comparison import (
    METRICS,
    ArmPoint,
    ClassFigures,
    ReviewGain,
    baseline_of,
    best_and_last,
    format_metric,
    smooth,
)
from augment.metrics import Interval
from augment.records import ClassifierKind, MetricPoint, TextUse

# Okabe & Ito 2008 without black; blue is lighter, yellow darker, to read on dark and on light; violet is added.
ARM_COLOURS = ("#1C80C4", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#B8A800", "#8561C5")
SYMBOLS = ("circle", "square", "diamond", "triangle-up")  # one a cycle of the colours
CEILING_COLOUR = "#8A6F5C"
HEAT_COLOUR = "#56B4E9"
USE_TINTS = {TextUse.RAW: 0.6, TextUse.ACCEPTED: 0.4, TextUse.REVIEWED: 0.2, TextUse.RELABELLED: 0.0}
N_DIRECT = 4  # more lines than these get a legend
LONGEST_NAME = 28  # characters beside a line
LONGEST_IN_LEGEND = 44


@dataclass(frozen=True, slots=True)
class ArmStyle:
    """How an arm's line looks on every chart: a hex colour, Plotly's dash and symbol."""

    colour: str
    dash: str
    symbol: str


# Colour tells the texts; dash and symbol tell the classifier.
BASELINE_DASHES = {
    ClassifierKind.FINE_TUNED: "dash",
    ClassifierKind.PROBE: "dashdot",
    ClassifierKind.CONTRASTIVE: "longdash",
}
DASHES = {ClassifierKind.PROBE: "dot", ClassifierKind.CONTRASTIVE: "dash"}
SYMBOL_ENDINGS = {
    ClassifierKind.FINE_TUNED: "",
    ClassifierKind.PROBE: "-open",
    ClassifierKind.CONTRASTIVE: "-dot",
}


def arm_styles(arms: Sequence[str]) -> dict[str, ArmStyle]:
    """A fixed look for each arm, by the order of the task's arms, and for both baselines.

    Later arms never change the looks of earlier ones.
    """
    baselines = {name_baseline(kind): dash for kind, dash in BASELINE_DASHES.items()}
    styles = {arm: ArmStyle(BASELINE_GREY, dash, _symbol(arm, "circle")) for arm, dash in baselines.items()}
    texts = dict.fromkeys(split_kind(arm)[0] for arm in arms if arm not in baselines)
    places = {one: i for i, one in enumerate(one for one in texts if not one.startswith(REAL_TEXTS))}
    for arm in dict.fromkeys(arms):
        if arm in baselines:
            continue
        place = places.get(split_kind(arm)[0])
        if place is None:
            styles[arm] = ArmStyle(CEILING_COLOUR, _dash(arm, "longdashdot"), _symbol(arm, "star"))
        else:
            cycle, colour = divmod(place, len(ARM_COLOURS))
            symbol = _symbol(arm, SYMBOLS[cycle % len(SYMBOLS)])
            styles[arm] = ArmStyle(ARM_COLOURS[colour], _dash(arm, "solid"), symbol)
    return styles


def _symbol(arm: str, symbol: str) -> str:
    return symbol + SYMBOL_ENDINGS[split_kind(arm)[1]]


def _dash(arm: str, of_fine_tuned: str) -> str:
    return DASHES.get(split_kind(arm)[1], of_fine_tuned)


# Learning curve -------------------------------------------------------------------------------------------------------


def learning_curve(
    points: Sequence[ArmPoint], metric: str, styles: Mapping[str, ArmStyle], *, majority: float | None = None
) -> go.Figure:
    """A metric against the number of synthetic texts: a line an arm, its 95 % interval as a band.

    Every line begins at the baseline of its classifier kind, which also runs across the chart.
    """
    baselines = {point.arm: point for point in points if point.n_synthetic == 0}
    arms = sorted({point.arm for point in points if point.n_synthetic}, key=list(styles).index)
    lines = {arm: _join_baseline(arm, points, baselines) for arm in arms}
    figure = go.Figure()
    for arm, line in lines.items():
        _add_band(figure, line, styles[arm].colour, opacity=0.14 if len(lines) <= N_DIRECT else 0.08)
    for arm, line in lines.items():
        _add_means(figure, line, metric, styles[arm])
    is_direct = len(lines) <= N_DIRECT
    ends = [_name_end(line[-1], metric, styles[arm].colour) for arm, line in lines.items()] if is_direct else []
    for arm, point in baselines.items():
        _add_means(figure, [point], metric, styles[arm])
        text = _name_end(point, metric, BASELINE_GREY).text
        ends.append(_add_line(figure, point.interval.mean, styles[arm].dash, text))
    if majority is not None and metric == "accuracy":
        ends.append(_add_line(figure, majority, "dot", f"majority {format_metric(metric, majority)}"))
    low, high = _fit([point.interval for point in points], [end.y for end in ends])
    right = _add_end_labels(figure, ends, low, high)
    _set_metric_axis(figure, metric, low, high)
    _set_size_axis(figure, sorted({0, *(point.n_synthetic for point in points)}))
    n_legend_rows = 0 if is_direct else -(-len(lines) // 2)
    legend = {"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0, "entrywidth": 270}
    figure.update_layout(showlegend=not is_direct, legend=legend)
    return finish(figure, 380 + 24 * n_legend_rows, right=right)


def _join_baseline(arm: str, points: Sequence[ArmPoint], baselines: Mapping[str, ArmPoint]) -> list[ArmPoint]:
    own = sorted((point for point in points if point.arm == arm), key=lambda point: point.n_synthetic)
    start = baselines.get(baseline_of(arm))
    return [start, *own] if start else own


def _add_band(figure: go.Figure, line: Sequence[ArmPoint], colour: str, *, opacity: float) -> None:
    """The intervals along a line as a filled polygon, where there are any."""
    if all(point.interval.n < 2 for point in line):
        return
    sizes = [point.n_synthetic for point in line]
    figure.add_scatter(
        x=sizes + sizes[::-1],
        y=[point.interval.high for point in line] + [point.interval.low for point in line][::-1],
        mode="lines",
        line={"width": 0},
        fill="toself",
        fillcolor=fade(colour, opacity),
        legendgroup=plain(line[-1].arm),
        showlegend=False,
        hoverinfo="skip",
    )


def _add_means(figure: go.Figure, line: Sequence[ArmPoint], metric: str, style: ArmStyle) -> None:
    """The means along a line; a single point, such as a baseline, is a marker without a place in the legend."""
    figure.add_scatter(
        x=[point.n_synthetic for point in line],
        y=[point.interval.mean for point in line],
        mode="lines+markers" if len(line) > 1 else "markers",
        name=plain(_shorten_arm(line[-1].arm, LONGEST_IN_LEGEND)),
        legendgroup=plain(line[-1].arm),
        showlegend=line[-1].n_synthetic > 0,
        line={"color": style.colour, "width": 2.5, "dash": style.dash},
        marker=_markers(style.symbol, 8, style.colour),
        cliponaxis=False,
        customdata=[[plain(one.arm), one.interval.low, one.interval.high, one.interval.n] for one in line],
        hovertemplate=(
            f"%{{customdata[0]}}<br>%{{x}} texts: {_HOVER[metric]}"
            "<br>95 %: %{customdata[1]:.3f} to %{customdata[2]:.3f}, %{customdata[3]} RNG seed(s)<extra></extra>"
        ),
    )


def _fit(intervals: Sequence[Interval], others: Sequence[float]) -> tuple[float, float]:
    """Both ends of an axis that shows everything, in steps of 0.05 within 0 to 1, and at least 0.3 high.

    On less height RNG seeds' noise would look like a gain.
    """
    values = [*(one.low for one in intervals), *(one.high for one in intervals), *others] or [0.0, 1.0]
    low = max(0.0, math.floor(20 * min(values) - 0.2) / 20)
    high = min(1.0, math.ceil(20 * max(values) + 0.2) / 20)
    missing = max(0.0, 0.3 - (high - low))
    low = min(max(0.0, low - missing / 2), 0.7)
    return low, min(1.0, max(high + missing / 2, low + 0.3))


def _set_size_axis(figure: go.Figure, sizes: Sequence[int]) -> None:
    """The axis of numbers of texts, true to scale; of sizes that would touch, only the first is written."""
    written: list[int] = []
    for size in sizes:
        if not written or size - written[-1] >= 0.05 * sizes[-1]:
            written.append(size)
    margin = 0.02 * sizes[-1] or 1
    figure.update_xaxes(
        title="synthetic texts added",
        range=[-margin, sizes[-1] + margin],
        tickvals=written,
        tickangle=0,
        zeroline=False,
    )


# Curves over steps ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Curve:
    """One training run's points over its steps; `tag` is its short name at the line's end."""

    name: str
    tag: str
    colour: str
    points: Sequence[MetricPoint]


def step_curves(
    curves: Sequence[Curve], metric: str, *, n_steps: int, majority: float | None = None, smoothing: float = 0.0
) -> go.Figure:
    """A metric of the test split over optimiser steps, one line a run at its true steps; `loss` also as a metric.

    The best and the last point are marked. With `smoothing` (from 0 to below 1) the line is the moving average, and the
    measured points stand faintly behind it.
    """
    figure = go.Figure()
    begun = [curve for curve in curves if curve.points]
    for curve in begun:
        _add_curve(figure, curve, metric, smoothing)
    for curve in begun:
        _mark_best_and_last(figure, curve, metric)
    for symbol, meaning in (("star", "best step, in hindsight"), ("circle-open", "last step")) if begun else ():
        marker = _markers(symbol, 11, BASELINE_GREY)
        figure.add_scatter(x=[None], y=[None], mode="markers", name=meaning, marker=marker)
    ends = [EndLabel(getattr(curve.points[-1], metric), curve.tag, curve.colour) for curve in begun]
    if majority is not None and metric == "accuracy":
        ends.append(_add_line(figure, majority, "dot", f"majority {format_metric(metric, majority)}"))
    highest = max((getattr(point, metric) for curve in begun for point in curve.points), default=1.0)
    top = 1.0 if metric in METRICS else 1.05 * highest
    right = _add_end_labels(figure, ends, 0.0, top)
    figure.update_layout(legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0})
    figure.update_xaxes(title="optimiser step", range=[0, n_steps * 1.02])
    _set_metric_axis(figure, metric, 0.0, top)
    return finish(figure, 340, right=right)


def _add_curve(figure: go.Figure, curve: Curve, metric: str, smoothing: float) -> None:
    """The line of a run, and, where it is smoothed, the measured points behind it."""
    steps = [point.step for point in curve.points]
    values = [getattr(point, metric) for point in curve.points]
    looks = {"name": plain(curve.name), "showlegend": False, "customdata": [[plain(curve.name)]] * len(steps)}
    hover = f"%{{customdata[0]}}<br>step %{{x}}: {_HOVER[metric]}"
    marker = {"size": 5, "color": curve.colour}
    line = {"color": curve.colour, "width": 2}
    if not smoothing:
        template = f"{hover}<extra></extra>"
        figure.add_scatter(
            x=steps, y=values, mode="lines+markers", line=line, marker=marker, hovertemplate=template, **looks
        )
        return
    template = f"{hover}, measured<extra></extra>"
    figure.add_scatter(x=steps, y=values, mode="markers", marker=marker, opacity=0.35, hovertemplate=template, **looks)
    template = f"{hover}, smoothed<extra></extra>"
    figure.add_scatter(x=steps, y=smooth(values, smoothing), mode="lines", line=line, hovertemplate=template, **looks)


def _mark_best_and_last(figure: go.Figure, curve: Curve, metric: str) -> None:
    marked = best_and_last(curve.points, metric)
    figure.add_scatter(
        x=[point.step for point in marked],
        y=[getattr(point, metric) for point in marked],
        mode="markers",
        name=plain(curve.name),
        showlegend=False,
        marker=_markers(["star", "circle-open"], [11, 12], curve.colour),
        cliponaxis=False,
        customdata=[[plain(curve.name), "best, in hindsight"], [plain(curve.name), "last"]],
        hovertemplate=f"%{{customdata[0]}}<br>%{{customdata[1]}}, step %{{x}}: {_HOVER[metric]}<extra></extra>",
    )


# Labels ---------------------------------------------------------------------------------------------------------------


def confusion_chart(matrix: NDArray[np.int64], labels: Sequence[str]) -> go.Figure:
    """How often each true label (row) is predicted as each label (column); colour is the share of the row.

    Colour runs from the page's own background, so that rare confusions recede on light and on dark.
    """
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)  # (n_labels, n_labels)
    names = [plain(shorten(label, LONGEST_NAME)) for label in labels]
    places = list(range(len(labels)))
    figure = go.Figure(
        go.Heatmap(
            x=places,
            y=places,
            z=shares,
            zmin=0,
            zmax=1,
            colorscale=[[share, fade(HEAT_COLOUR, opacity)] for share, opacity in ((0, 0.0), (0.5, 0.7), (1, 1.0))],
            showscale=False,
            xgap=3,
            ygap=3,
            customdata=[
                [[plain(row), plain(column), int(n)] for column, n in zip(labels, counts, strict=True)]
                for row, counts in zip(labels, matrix, strict=True)
            ],
            hovertemplate=(
                "true %{customdata[0]}, predicted %{customdata[1]}: %{customdata[2]} predictions, %{z:.1%} of the row"
                "<extra></extra>"
            ),
        )
    )
    for (row, column), n in np.ndenumerate(matrix):
        text = f"<b>{n:,}</b><br>{shares[row, column]:.0%}".replace("%", " %")
        font = {"size": 13} | ({"color": DARK_TEXT} if shares[row, column] >= 0.4 else {})  # else the page's colour
        figure.add_annotation(x=column, y=row, text=text, showarrow=False, font=font)
    figure.update_xaxes(title="predicted label", tickvals=places, ticktext=names, showgrid=False, zeroline=False)
    figure.update_yaxes(
        title="true label", tickvals=places, ticktext=names, showgrid=False, zeroline=False, autorange="reversed"
    )
    return finish(figure, 90 + 60 * len(labels))


def class_chart(figures: Sequence[ClassFigures], labels: Sequence[str]) -> go.Figure:
    """F1 of each label with its precision and recall, each with its 95 % interval, in the label's colour."""
    figure = go.Figure()
    measures = {"F1": "circle", "precision": "triangle-right-open", "recall": "triangle-left-open"}
    for row, one in enumerate(figures):
        intervals = (one.f1, one.precision, one.recall)
        heights = [row + offset for offset in (-0.26, 0.0, 0.26)]
        colour = label_colour(labels, one.label)
        figure.add_scatter(
            x=[interval.mean for interval in intervals],
            y=heights,
            mode="markers",
            name=plain(one.label),
            marker=_markers(list(measures.values()), [13, 10, 10], colour),
            error_x=_whiskers(intervals, colour),
            cliponaxis=False,
            customdata=[
                [plain(one.label), name, interval.low, interval.high, interval.n, one.support]
                for name, interval in zip(measures, intervals, strict=True)
            ],
            hovertemplate=(
                "%{customdata[0]}: %{customdata[1]} %{x:.3f}<br>95 %: %{customdata[2]:.3f} to %{customdata[3]:.3f}, "
                "%{customdata[4]} run(s) on %{customdata[5]} test texts<extra></extra>"
            ),
        )
        for name, height, interval in zip(measures, heights, intervals, strict=True):
            text = f"{name} {interval.mean:.2f}"
            figure.add_annotation(x=1.01, xref="paper", y=height, text=text, showarrow=False, xanchor="left")
    names = [f"{plain(shorten(one.label, LONGEST_NAME))}<br>{one.support} texts" for one in figures]
    figure.update_layout(showlegend=False)
    figure.update_xaxes(
        title="F1, precision and recall on the test split", range=[0, 1], tickformat=".1f", showgrid=True
    )
    rows = list(range(len(figures)))
    figure.update_yaxes(tickvals=rows, ticktext=names, range=[len(rows) - 0.5, -0.5], showgrid=False, zeroline=False)
    return finish(figure, 70 + 72 * max(len(rows), 1), right=104)


# What review bought ---------------------------------------------------------------------------------------------------


def review_chart(gains: Sequence[ReviewGain], metric: str) -> go.Figure:
    """The same texts raw, accepted, reviewed and relabelled side by side, with 95 % intervals."""
    figure = go.Figure()
    for use, share in USE_TINTS.items():
        shown = [(row, gain, gain.uses[use]) for row, gain in enumerate(gains) if use in gain.uses]
        if not shown:
            continue
        figure.add_bar(
            y=[row for row, _, _ in shown],
            x=[interval.mean for _, _, interval in shown],
            orientation="h",
            name=use.value,
            marker_color=tint(ACCENT, share),
            error_x=_whiskers([interval for _, _, interval in shown], BASELINE_GREY),
            text=[f"{use.value} {format_metric(metric, interval.mean)}" for _, _, interval in shown],
            textposition="auto",
            insidetextanchor="start",
            insidetextfont={"color": DARK_TEXT},
            customdata=[[plain(gain.source), gain.n_synthetic, one.low, one.high, one.n] for _, gain, one in shown],
            hovertemplate=(
                f"%{{customdata[0]}} · {use.value}<br>%{{customdata[1]}} texts: {_HOVER[metric].replace('{y', '{x')}"
                "<br>95 %: %{customdata[2]:.3f} to %{customdata[3]:.3f}, %{customdata[4]} RNG seed(s)<extra></extra>"
            ),
        )
    names = [
        f"{plain(_shorten_arm(one.source))}<br>{one.n_synthetic} texts, {one.n_decisions} decisions" for one in gains
    ]
    figure.update_layout(barmode="group", showlegend=False)
    figure.update_xaxes(title=_AXES[metric], range=[0, 1], tickformat=".0%" if metric == "accuracy" else ".1f")
    figure.update_yaxes(tickvals=list(range(len(gains))), ticktext=names, autorange="reversed", showgrid=False)
    return finish(figure, 70 + 108 * max(len(gains), 1))


# Axes, lines, names at lines' ends ------------------------------------------------------------------------------------

_HOVER = {"accuracy": "accuracy %{y:.1%}", "macro_f1": "macro-F1 %{y:.3f}", "loss": "loss %{y:.3f} nats"}
_AXES = {**{metric: f"{name}, test split" for metric, name in METRICS.items()}, "loss": "loss on the test split, nats"}


@dataclass(frozen=True, slots=True)
class EndLabel:
    """What stands in the right margin beside a line's end."""

    y: float
    text: str
    colour: str


def _set_metric_axis(figure: go.Figure, metric: str, low: float, high: float) -> None:
    tickformat = {"accuracy": ".0%", "macro_f1": ".2f"}.get(metric)
    figure.update_yaxes(title=_AXES[metric], range=[low, high], tickformat=tickformat, zeroline=False)


def _name_end(point: ArmPoint, metric: str, colour: str) -> EndLabel:
    mean = point.interval.mean
    return EndLabel(mean, f"{_shorten_arm(point.arm)} {format_metric(metric, mean)}", colour)


def _shorten_arm(arm: str, longest: int = LONGEST_NAME) -> str:
    """The arm's name in few characters: the LM's name is cut first, then the middle, as the ends tell arms apart."""
    writer, separator, rest = arm.partition(" · ")
    short = shorten(writer, max(longest - len(separator + rest), 6)) + separator + rest
    half = (longest - 1) // 2
    return short if len(short) <= longest else f"{short[:half]}…{short[half + 1 - longest :]}"


def _add_line(figure: go.Figure, y: float, dash: str, text: str) -> EndLabel:
    """A grey line across the plot; returns its name for the right margin."""
    figure.add_hline(y=y, line={"color": BASELINE_GREY, "dash": dash, "width": 1.5})
    return EndLabel(y, text, BASELINE_GREY)


def _add_end_labels(figure: go.Figure, ends: Sequence[EndLabel], low: float, high: float) -> int:
    """Name the lines in the right margin, in order and never on top of each other; returns the margin's width in px."""
    gap = 0.065 * (high - low)
    ordered = sorted(ends, key=lambda end: end.y)
    for y, end in zip(_spread([end.y for end in ordered], gap, high), ordered, strict=True):
        font = {"color": end.colour, "size": 12}
        text = plain(end.text)
        figure.add_annotation(x=1.01, xref="paper", y=y, text=text, showarrow=False, xanchor="left", font=font)
    return 20 + round(6.3 * max((len(end.text) for end in ends), default=0))


def _spread(heights: Sequence[float], gap: float, top: float) -> list[float]:
    """Ascending heights moved apart by at least `gap`: upwards, then down again from `top`."""
    placed: list[float] = []
    for height in heights:
        placed.append(max(height, placed[-1] + gap) if placed else height)
    for i in reversed(range(len(placed))):
        placed[i] = min(placed[i], top - gap * (len(placed) - 1 - i))
    return placed


def _markers(symbols: str | Sequence[str], sizes: int | Sequence[int], colour: str) -> dict[str, object]:
    """Markers of one colour through and through; where sizes differ, Plotly would fade and outline them."""
    line = {"width": 2, "color": colour}
    return {"symbol": symbols, "size": sizes, "color": colour, "opacity": 1, "line": line}


def _whiskers(intervals: Sequence[Interval], colour: str) -> dict[str, object]:
    """Intervals as Plotly's error bars."""
    return {
        "type": "data",
        "symmetric": False,
        "array": [one.high - one.mean for one in intervals],
        "arrayminus": [one.mean - one.low for one in intervals],
        "thickness": 1.5,
        "width": 4,
        "color": colour,
    }
