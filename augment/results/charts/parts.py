"""Parts that the charts of training's results share: axes of metrics, grey lines, names at lines' ends, whiskers."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from augment.records import Interval
from augment.results.charts.counts import BASELINE_GREY, plain
from augment.wording import METRICS

LONGEST_NAME = 28  # characters beside a line
LONGEST_LINE = 20  # characters after which a name beside a line is broken in two, which leaves a phone room to plot
BESIDE = {"x": 1, "xref": "paper", "xanchor": "left", "xshift": 10, "align": "left", "showarrow": False}

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


def add_line(figure: go.Figure, y: float, dash: str, text: str, colour: str = BASELINE_GREY) -> EndLabel:
    """A line across the plot; returns its name for the right margin."""
    figure.add_hline(y=y, line={"color": colour, "dash": dash, "width": 1.5})
    return EndLabel(y, text, colour)


def add_end_labels(figure: go.Figure, ends: Sequence[EndLabel], low: float, high: float) -> int:
    """Name the lines in the right margin, in order and never on top of each other; returns the margin's width in px."""
    ordered = sorted(ends, key=lambda end: end.y)
    texts = [_break_in_two(end.text) for end in ordered]
    halves = [(0.0325 if len(lines) == 1 else 0.06) * (high - low) for lines in texts]
    for y, end, lines in zip(_spread([end.y for end in ordered], halves, high), ordered, texts, strict=True):
        font = {"color": end.colour, "size": 12}
        figure.add_annotation(y=y, text="<br>".join(map(plain, lines)), font=font, **BESIDE)
    return 22 + round(6.3 * max((len(line) for lines in texts for line in lines), default=0))


def _break_in_two(text: str) -> list[str]:
    """'relabelled · linear probe 0.34' in two lines, broken after the dot nearest the middle; short texts in one."""
    dots = [match.end() for match in re.finditer(" · ", text)]
    if len(text) <= LONGEST_LINE or not dots:
        return [text]
    middle = min(dots, key=lambda place: abs(2 * place - len(text)))
    return [text[:middle].rstrip(), text[middle:]]


def _spread(heights: Sequence[float], halves: Sequence[float], top: float) -> list[float]:
    """Ascending heights moved apart until texts that are twice `halves` high fit: upwards, then down from `top`."""
    placed: list[float] = []
    for i, height in enumerate(heights):
        placed.append(max(height, placed[-1] + halves[i - 1] + halves[i]) if placed else height)
    for i in reversed(range(len(placed))):
        placed[i] = min(placed[i], placed[i + 1] - halves[i + 1] - halves[i] if i + 1 < len(placed) else top)
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
