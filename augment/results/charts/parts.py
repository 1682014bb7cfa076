"""Parts that the charts of training's results share: axes of metrics, grey lines, names at lines' ends, whiskers."""

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from augment.records import Interval
from augment.results.charts.counts import BASELINE_GREY, plain
from augment.wording import METRICS

LONGEST_NAME = 28  # characters beside a line


HOVER = {"accuracy": "accuracy %{y:.1%}", "macro_f1": "macro-F1 %{y:.3f}", "loss": "loss %{y:.3f} nats"}
AXES = {**{metric: f"{name}, test split" for metric, name in METRICS.items()}, "loss": "loss on the test split, nats"}


@dataclass(frozen=True, slots=True)
class EndLabel:
    """A text in the right margin beside a line's end."""

    y: float
    text: str
    colour: str


def set_metric_axis(figure: go.Figure, metric: str, low: float, high: float) -> None:
    """The y axis of a metric, named, with its unit, from low to high."""
    tickformat = {"accuracy": ".0%", "macro_f1": ".2f"}.get(metric)
    figure.update_yaxes(title=AXES[metric], range=[low, high], tickformat=tickformat, zeroline=False)


def shorten_middle(name: str, longest: int = LONGEST_NAME) -> str:
    """The name in at most so many characters: its middle is cut, as the ends distinguish variants."""
    half = (longest - 1) // 2
    return name if len(name) <= longest else f"{name[:half].rstrip()}…{name[half + 1 - longest :].lstrip()}"


def add_line(figure: go.Figure, y: float, dash: str, text: str) -> EndLabel:
    """A grey line across the plot; returns its name for the right margin."""
    figure.add_hline(y=y, line={"color": BASELINE_GREY, "dash": dash, "width": 1.5})
    return EndLabel(y, text, BASELINE_GREY)


def add_end_labels(figure: go.Figure, ends: Sequence[EndLabel], low: float, high: float) -> int:
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


def markers(symbols: str | Sequence[str], sizes: int | Sequence[int], colour: str) -> dict[str, object]:
    """Markers of one colour through and through; where sizes differ, Plotly would fade and outline them."""
    line = {"width": 2, "color": colour}
    return {"symbol": symbols, "size": sizes, "color": colour, "opacity": 1, "line": line}


def whiskers(intervals: Sequence[Interval], colour: str) -> dict[str, object]:
    """Intervals as Plotly's error bars."""
    return {
        "type": "data",
        "symmetric": False,
        "array": [interval.high - interval.mean for interval in intervals],
        "arrayminus": [interval.mean - interval.low for interval in intervals],
        "thickness": 1.5,
        "width": 4,
        "color": colour,
    }
