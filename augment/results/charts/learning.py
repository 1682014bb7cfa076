"""Variants compared → Plotly charts: learning curves, and what review gained.

Pure: no store, no page; reads what `augment.results.comparison` and `augment.results.review_gains` make.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import takewhile

import plotly.graph_objects as go

from augment.records import Interval, TextUse, Variant
from augment.results.charts.counts import ACCENT, BASELINE_GREY, fade, finish, plain, tint
from augment.results.charts.parts import (
    AXES,
    BESIDE,
    HOVER,
    EndLabel,
    add_end_labels,
    add_line,
    markers,
    set_metric_axis,
    shorten_middle,
    whiskers,
)
from augment.results.charts.styles import VariantStyle
from augment.results.comparison import VariantPoint
from augment.results.review_gains import ReviewGain, ReviewRow
from augment.results.variants import VariantNames
from augment.wording import format_metric, plural

USE_TINTS = {TextUse.RAW: 0.6, TextUse.ACCEPTED: 0.4, TextUse.REVIEWED: 0.2, TextUse.RELABELLED: 0.0}
N_DIRECT = 4  # more lines than these get a legend
LONGEST_IN_LEGEND = 40
DIGIT_WIDTH = 0.06  # of the axis: a phone leaves about 120 px to it
N_CERTAIN = 3  # RNG seeds from which on an interval has its place on the axis


# Learning curve -------------------------------------------------------------------------------------------------------


def learning_curve(
    points: Sequence[VariantPoint],
    metric: str,
    styles: Mapping[Variant, VariantStyle],
    names: VariantNames,
    *,
    majority: float | None = None,
) -> go.Figure:
    """A metric against the number of synthetic texts: one line per variant, its 95% interval as a band.

    A line begins at the same variant without texts, which also runs across the chart: seeds only, or with sentences.
    """
    baselines = {point.variant: point for point in points if not point.variant.has_texts}
    variants = sorted({point.variant for point in points if point.variant.has_texts}, key=list(styles).index)
    lines = {variant: _join_baseline(variant, points, baselines) for variant in variants}
    figure = go.Figure()
    for variant, line in lines.items():
        _add_band(figure, line, styles[variant].colour, opacity=0.14 if len(lines) <= N_DIRECT else 0.08)
    for variant, line in lines.items():
        _add_means(figure, line, metric, styles[variant], names)
    is_direct = len(lines) <= N_DIRECT
    ends = [_name_end(line[-1], metric, styles[variant].colour, names) for variant, line in lines.items()]
    for variant, point in baselines.items():
        colour = styles[variant].colour
        text = _name_end(point, metric, colour, names).text
        _add_means(figure, [point], metric, styles[variant], names, name=text)
        ends.append(add_line(figure, point.interval.mean, styles[variant].dash, text, colour))
    if majority is not None and metric == "accuracy":
        ends.append(add_line(figure, majority, "dot", f"majority {format_metric(metric, majority)}"))
        looks = {"color": BASELINE_GREY, "width": 1.5, "dash": "dot"}
        figure.add_scatter(x=[None], y=[None], mode="lines", name=ends[-1].text, line=looks)  # for the legend
    low, high = _fit([point.interval for point in points], [end.y for end in ends])
    right = add_end_labels(figure, ends, low, high) if is_direct else 20
    set_metric_axis(figure, metric, low, high)
    _set_size_axis(figure, sorted({0, *(point.n_synthetic for point in points)}))
    n_legend_rows = 0 if is_direct else -(-len(ends) // 2)
    legend = {"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0, "entrywidth": 230, "tracegroupgap": 0}
    figure.update_layout(showlegend=not is_direct, legend=legend)
    return finish(figure, 380 + 24 * n_legend_rows, right=right)


def _join_baseline(
    variant: Variant, points: Sequence[VariantPoint], baselines: Mapping[Variant, VariantPoint]
) -> list[VariantPoint]:
    own = sorted((point for point in points if point.variant == variant), key=lambda point: point.n_synthetic)
    start = baselines.get(variant.without_texts)
    return [start, *own] if start else own


def _name_end(point: VariantPoint, metric: str, colour: str, names: VariantNames) -> EndLabel:
    mean = point.interval.mean
    return EndLabel(mean, f"{shorten_middle(names[point.variant])} {format_metric(metric, mean)}", colour)


def _add_band(figure: go.Figure, line: Sequence[VariantPoint], colour: str, *, opacity: float) -> None:
    """The intervals along a line, where there are any; faint from the first on that is of too few RNG seeds."""
    certain = list(takewhile(lambda point: point.interval.n >= N_CERTAIN, line))
    if len(certain) < len(line) and any(point.interval.n > 1 for point in line[len(certain) :]):
        _add_polygon(figure, line[max(len(certain) - 1, 0) :], fade(colour, opacity / 3))
    if len(certain) > 1 or certain == line:
        _add_polygon(figure, certain, fade(colour, opacity))


def _add_polygon(figure: go.Figure, line: Sequence[VariantPoint], colour: str) -> None:
    sizes = [point.n_synthetic for point in line]
    figure.add_scatter(
        x=sizes + sizes[::-1],
        y=[point.interval.high for point in line] + [point.interval.low for point in line][::-1],
        mode="lines",
        line={"width": 0},
        fill="toself",
        fillcolor=colour,
        legendgroup=str(line[-1].variant),
        showlegend=False,
        hoverinfo="skip",
    )


def _add_means(
    figure: go.Figure,
    line: Sequence[VariantPoint],
    metric: str,
    style: VariantStyle,
    names: VariantNames,
    *,
    name: str | None = None,
) -> None:
    """The means along a line, named for the legend; a baseline is a single point."""
    figure.add_scatter(
        x=[point.n_synthetic for point in line],
        y=[point.interval.mean for point in line],
        mode="lines+markers",
        name=plain(name or shorten_middle(names[line[-1].variant], LONGEST_IN_LEGEND)),
        legendgroup=str(line[-1].variant),
        line={"color": style.colour, "width": 2.5, "dash": style.dash},
        marker=markers(style.symbol, 8, style.colour),
        cliponaxis=False,
        customdata=[
            [plain(names[point.variant]), point.interval.low, point.interval.high, point.interval.n] for point in line
        ],
        hovertemplate=(
            f"%{{customdata[0]}}<br>%{{x:,}} texts: {HOVER[metric]}"
            "<br>95%: %{customdata[1]:.3f} to %{customdata[2]:.3f}, RNG seeds: %{customdata[3]}<extra></extra>"
        ),
    )


def _fit(intervals: Sequence[Interval], others: Sequence[float]) -> tuple[float, float]:
    """Both ends of an axis that shows all means, in steps of 0.05 within 0 to 1, and at least 0.3 high.

    On a shorter axis, noise between RNG seeds would look like a gain. Intervals of two RNG seeds may extend beyond the
    chart: they would take up nearly all of it.
    """
    certain = [interval for interval in intervals if interval.n >= N_CERTAIN]
    bounds = [*(interval.low for interval in certain), *(interval.high for interval in certain)]
    values = [*(interval.mean for interval in intervals), *bounds, *others] or [0.0, 1.0]
    low = max(0.0, math.floor(20 * min(values) - 0.2) / 20)
    high = min(1.0, math.ceil(20 * max(values) + 0.2) / 20)
    missing = max(0.0, 0.3 - (high - low))
    low = min(max(0.0, low - missing / 2), 0.7)
    return low, min(1.0, max(high + missing / 2, low + 0.3))


def _set_size_axis(figure: go.Figure, sizes: Sequence[int]) -> None:
    """The axis of sizes, to scale; the largest and 0 are written, the others where they overlap no larger one."""
    written = [sizes[-1]]
    for size in reversed(sizes[:-1]):
        if size == 0 or (_have_room(size, written[-1], sizes[-1]) and _have_room(0, size, sizes[-1])):
            written.append(size)
    margin = 0.02 * sizes[-1] or 1
    figure.update_xaxes(
        title="synthetic texts added",
        range=[-margin, sizes[-1] + margin],
        tickvals=written[::-1],
        tickangle=0,
        zeroline=False,
    )


def _have_room(size: int, larger: int, largest: int) -> bool:
    """Whether two numbers fit beside each other on a phone, too."""
    n_digits = (len(f"{size:,}") + len(f"{larger:,}")) / 2  # half of each is between the two places
    return larger - size >= DIGIT_WIDTH * n_digits * largest


# What review gained ---------------------------------------------------------------------------------------------------


def review_chart(gains: Sequence[ReviewGain], metric: str, names: VariantNames) -> go.Figure:
    """Raw texts and what is compared with them, one row each, with sizes and 95% intervals; figures on the right."""
    figure = go.Figure()
    rows = [(gain, row) for gain in gains for row in gain.rows]
    for use, share in USE_TINTS.items():
        places = [i for i, (_, row) in enumerate(rows) if row.use is use]
        shown = [rows[i] for i in places]
        if not shown:
            continue
        figure.add_scatter(
            x=[row.interval.mean for _, row in shown],
            y=places,
            mode="markers",
            name=use.value,
            marker=markers("circle", 11, tint(ACCENT, share)),
            error_x=whiskers([row.interval for _, row in shown], BASELINE_GREY),
            customdata=[
                [
                    plain(names.sources[gain.variant]),
                    row.n_synthetic,
                    row.interval.low,
                    row.interval.high,
                    row.interval.n,
                ]
                for gain, row in shown
            ],
            hovertemplate=(
                f"%{{customdata[0]}} · {use.value}<br>%{{customdata[1]:,}} texts: {HOVER[metric].replace('{y', '{x')}"
                "<br>95%: %{customdata[2]:.3f} to %{customdata[3]:.3f}, RNG seeds: %{customdata[4]}<extra></extra>"
            ),
        )
    for i, (_, row) in enumerate(rows):
        text = format_metric(metric, row.interval.mean)
        figure.add_annotation(y=i, text=text, **BESIDE)
    figure.update_layout(showlegend=False)
    low, high = _fit([row.interval for _, row in rows], [])
    figure.update_xaxes(
        title=AXES[metric],
        range=[low, high],
        tickformat=".0%" if metric == "accuracy" else ".2f",
        nticks=6,
        tickangle=0,
        showgrid=True,
    )
    figure.update_yaxes(
        tickvals=list(range(len(rows))),
        ticktext=_name_rows(rows, names),
        range=[len(rows) - 0.5, -0.5],
        showgrid=False,
        zeroline=False,
    )
    return finish(figure, 80 + 44 * max(len(rows), 1), right=60)


def _name_rows(rows: Sequence[tuple[ReviewGain, ReviewRow]], names: VariantNames) -> list[str]:
    """The use and size of each row; above the first one of a source its name, where there are several."""
    texts, previous = [], None
    has_several = len({gain.variant for gain, _ in rows}) > 1
    for gain, row in rows:
        source = f"<b>{plain(shorten_middle(names.sources[gain.variant]))}</b><br>"
        first = source if has_several and gain is not previous else ""
        texts.append(f"{first}{row.use.value}, {plural(row.n_synthetic, 'text')}")
        previous = gain
    return texts
