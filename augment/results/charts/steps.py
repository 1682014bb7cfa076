"""Training runs' points → curves over optimiser steps, measured and smoothed, with the best and the last step."""

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from augment.records import MetricPoint
from augment.results.charts.counts import BASELINE_GREY, finish, plain
from augment.results.charts.parts import HOVER, EndLabel, add_end_labels, add_line, markers, set_metric_axis
from augment.wording import METRICS, format_metric


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
    """A metric of the test split over optimiser steps, one line per run at its true steps; `loss` is a metric too.

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
        marker = markers(symbol, 11, BASELINE_GREY)
        figure.add_scatter(x=[None], y=[None], mode="markers", name=meaning, marker=marker)
    ends = [EndLabel(getattr(curve.points[-1], metric), curve.tag, curve.colour) for curve in begun]
    if majority is not None and metric == "accuracy":
        ends.append(add_line(figure, majority, "dot", f"majority {format_metric(metric, majority)}"))
    highest = max((getattr(point, metric) for curve in begun for point in curve.points), default=1.0)
    top = 1.0 if metric in METRICS else 1.05 * highest
    right = add_end_labels(figure, ends, 0.0, top)
    figure.update_layout(legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0})
    figure.update_xaxes(title="optimiser step", range=[0, n_steps * 1.02])
    set_metric_axis(figure, metric, 0.0, top)
    return finish(figure, 340, right=right)


def _add_curve(figure: go.Figure, curve: Curve, metric: str, smoothing: float) -> None:
    """The line of a run, and, where it is smoothed, the measured points behind it."""
    steps = [point.step for point in curve.points]
    values = [getattr(point, metric) for point in curve.points]
    looks = {"name": plain(curve.name), "showlegend": False, "customdata": [[plain(curve.name)]] * len(steps)}
    hover = f"%{{customdata[0]}}<br>step %{{x:,}}: {HOVER[metric]}"
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
        marker=markers(["star", "circle-open"], [11, 12], curve.colour),
        cliponaxis=False,
        customdata=[[plain(curve.name), "best, in hindsight"], [plain(curve.name), "last"]],
        hovertemplate=f"%{{customdata[0]}}<br>%{{customdata[1]}}, step %{{x:,}}: {HOVER[metric]}<extra></extra>",
    )


def best_and_last(points: Sequence[MetricPoint], metric: str) -> tuple[MetricPoint, MetricPoint]:
    """The point with the best metric, the earliest of equals, and the last one. Of losses the lowest is best."""
    sign = -1 if metric == "loss" else 1
    ordered = sorted(points, key=lambda point: point.step)
    return max(ordered, key=lambda point: sign * getattr(point, metric)), ordered[-1]


def smooth(values: Sequence[float], weight: float) -> list[float]:
    """Exponential moving average, each value weighing (1 − weight) and what came before `weight`, from 0 to below 1.

    It does not start at 0. Source: Kingma & Ba 2015, Adam, section 3 (bias correction).
    """
    average, smoothed = 0.0, []
    for i, value in enumerate(values, start=1):
        average = weight * average + (1 - weight) * value
        smoothed.append(average / (1 - weight**i))
    return smoothed
