"""Counts of texts → Plotly figures, and the base that `charts.learning` shares. Pure: no store, no page.

One fixed colour per label (Okabe & Ito 2008, distinguishable for colour-blind people). Names from data go through
`plain`, because Plotly interprets some HTML.
"""

from collections.abc import Mapping, Sequence
from html import escape

import plotly.graph_objects as go

from augment.records import Split

LABEL_COLOURS = ("#E69F00", "#56B4E9", "#009E73", "#CC79A7", "#D55E00", "#0072B2", "#B8A800")
ACCENT = "#2A8CC7"
BASELINE_GREY = "#8a96a3"
SPLIT_TINTS = {Split.POOL: 0.0, Split.VALIDATION: 0.4, Split.TEST: 0.7}  # how much white is mixed in
DARK_TEXT = "#10161c"  # readable on every label colour, in both themes


def label_colour(labels: Sequence[str], label: str) -> str:
    """The label's fixed colour, by its place in the task's order."""
    return LABEL_COLOURS[labels.index(label) % len(LABEL_COLOURS)] if label in labels else BASELINE_GREY


def tint(colour: str, share: float) -> str:
    """`colour` with that share of white mixed in."""
    return "#" + "".join(f"{round(channel + (255 - channel) * share):02x}" for channel in _channels(colour))


def fade(colour: str, opacity: float) -> str:
    """`colour` at that opacity, for the page's own background to shine through."""
    return f"rgba({','.join(map(str, _channels(colour)))},{opacity:g})"


def _channels(colour: str) -> list[int]:
    return [int(colour[i : i + 2], 16) for i in (1, 3, 5)]


def shorten(name: str, longest: int) -> str:
    """The name, cut with … to `longest` characters."""
    return name if len(name) <= longest else name[: longest - 1].rstrip() + "…"


def plain(name: str) -> str:
    """A name from data, escaped so that Plotly shows it literally."""
    return escape(name, quote=False)  # Plotly would show &quot; as it stands


def finish(figure: go.Figure, height: int, *, right: int = 16) -> go.Figure:
    """The figure at its fixed height in px, with room for `right` px of labels beside the plot."""
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": right, "t": 16, "b": 8},
        bargap=0.3,
        hoverlabel={"namelength": -1},
        xaxis={"automargin": True},
        yaxis={"automargin": True},
    )
    return figure


# Data ----------------------------------------------------------------------------------------------------------------


def split_counts(counts: Mapping[tuple[Split, str], int], labels: Sequence[str]) -> go.Figure:
    """Real examples per label, one bar each, stacked by split (darkest: pool)."""
    figure = go.Figure()
    for split in SPLIT_TINTS:
        values = [counts.get((split, label), 0) for label in labels]
        figure.add_bar(
            y=[plain(label) for label in labels],
            x=values,
            orientation="h",
            name=split.value,
            text=[value or "" for value in values],
            textposition="inside",
            insidetextanchor="middle",
            insidetextfont={"color": DARK_TEXT},
            marker_color=[tint(label_colour(labels, label), SPLIT_TINTS[split]) for label in labels],
            hovertemplate=f"%{{y}}, {split.value}: %{{x:,}} texts<extra></extra>",
        )
    figure.update_layout(
        barmode="stack", showlegend=False, xaxis_title="texts: pool, validation, test (darkest to lightest)"
    )
    figure.update_yaxes(autorange="reversed")
    return finish(figure, 70 + 44 * len(labels))


def label_shares(groups: Mapping[str, Mapping[str, int]], labels: Sequence[str]) -> go.Figure:
    """The share of each label in each group of texts, one bar per group; hover gives the counts."""
    figure = go.Figure()
    rows = list(range(len(groups)))  # bars stand by number: two long names may be shortened alike
    short = [plain(shorten(name, 32)) for name in groups]
    for label in labels:
        counts = [group.get(label, 0) for group in groups.values()]
        shares = [
            n / total if (total := sum(group.values())) else 0 for n, group in zip(counts, groups.values(), strict=True)
        ]
        figure.add_bar(
            y=rows,
            x=shares,
            orientation="h",
            name=plain(label),
            marker_color=label_colour(labels, label),
            customdata=[[n, plain(name)] for n, name in zip(counts, groups, strict=True)],
            text=[f"{plain(label)} {share:.0%}" if share >= 0.12 else "" for share in shares],
            textposition="inside",
            insidetextanchor="middle",
            insidetextfont={"color": DARK_TEXT},
            hovertemplate=f"%{{customdata[1]}}: {plain(label)} %{{customdata[0]:,}} texts, %{{x:.1%}}<extra></extra>",
        )
    figure.update_layout(
        barmode="stack", xaxis={"title": "share of texts", "tickformat": ".0%", "range": [0, 1]}, showlegend=False
    )
    figure.update_yaxes(autorange="reversed", tickmode="array", tickvals=rows, ticktext=short)
    return finish(figure, 76 + 40 * max(len(groups), 1), right=24)  # for half of the tick 100%


def yield_funnel(stages: Mapping[str, int]) -> go.Figure:
    """How many completions reach each stage, first to last, with the share of the first."""
    first = next(iter(stages.values()), 0) or 1
    figure = go.Figure(
        go.Bar(
            y=list(stages),
            x=list(stages.values()),
            orientation="h",
            marker_color=ACCENT,
            text=[f"{n:,}  ({n / first:.0%})" for n in stages.values()],
            textposition=["inside" if n > 0.3 * first else "outside" for n in stages.values()],
            cliponaxis=False,
            hovertemplate="%{y}: %{x:,} completions<extra></extra>",
        )
    )
    figure.update_layout(xaxis={"title": "completions", "range": [0, first * 1.05]}, showlegend=False)
    figure.update_yaxes(autorange="reversed")
    return finish(figure, 70 + 40 * len(stages))
