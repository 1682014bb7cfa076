"""What `predictions` finds → Plotly charts: the confusion matrix, and each label's figures with intervals."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from augment.results.charts.counts import DARK_TEXT, fade, finish, label_colour, plain, shorten
from augment.results.charts.parts import BESIDE, LONGEST_NAME, markers, whiskers
from augment.results.predictions import ClassFigures

HEAT_COLOUR = "#56B4E9"


def confusion_chart(matrix: NDArray[np.int64], labels: Sequence[str], *, is_dark: bool = False) -> go.Figure:
    """How often each true label (row) is predicted as each label (column); colour is the share of the row.

    The colour scale starts at the page's background, so that rare confusions stay faint in both themes. On a dark page
    (`is_dark`) their figures are in the page's colour.
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
                "true %{customdata[0]}, predicted %{customdata[1]}: %{customdata[2]:,} predictions, %{z:.1%} of the row"
                "<extra></extra>"
            ),
        )
    )
    for (row, column), n in np.ndenumerate(matrix):
        text = f"<b>{n:,}</b><br>{shares[row, column]:.0%}"
        font = {"size": 13} | ({} if is_dark and shares[row, column] < 0.5 else {"color": DARK_TEXT})
        figure.add_annotation(x=column, y=row, text=text, showarrow=False, font=font)
    figure.update_xaxes(title="predicted label", tickvals=places, ticktext=names, showgrid=False, zeroline=False)
    figure.update_yaxes(
        title="true label", tickvals=places, ticktext=names, showgrid=False, zeroline=False, autorange="reversed"
    )
    return finish(figure, 90 + 60 * len(labels))


def class_chart(figures: Sequence[ClassFigures], labels: Sequence[str]) -> go.Figure:
    """F1 of each label with its precision and recall, each with its 95% interval, in the label's colour."""
    figure = go.Figure()
    measures = {"F1": "circle", "precision": "triangle-right-open", "recall": "triangle-left-open"}
    for row, scores in enumerate(figures):
        intervals = (scores.f1, scores.precision, scores.recall)
        heights = [row + offset for offset in (-0.26, 0.0, 0.26)]
        colour = label_colour(labels, scores.label)
        figure.add_scatter(
            x=[interval.mean for interval in intervals],
            y=heights,
            mode="markers",
            name=plain(scores.label),
            marker=markers(list(measures.values()), [13, 10, 10], colour),
            error_x=whiskers(intervals, colour),
            cliponaxis=False,
            customdata=[
                [plain(scores.label), name, interval.low, interval.high, interval.n, scores.support]
                for name, interval in zip(measures, intervals, strict=True)
            ],
            hovertemplate=(
                "%{customdata[0]}: %{customdata[1]} %{x:.3f}<br>95%: %{customdata[2]:.3f} to %{customdata[3]:.3f}, "
                "runs: %{customdata[4]}, test texts: %{customdata[5]:,}<extra></extra>"
            ),
        )
        for name, height, interval in zip(measures, heights, intervals, strict=True):
            text = f"{name} {interval.mean:.2f}"
            figure.add_annotation(y=height, text=text, **BESIDE)
    names = [f"{plain(shorten(scores.label, LONGEST_NAME))}<br>{scores.support:,} texts" for scores in figures]
    figure.update_layout(showlegend=False)
    figure.update_xaxes(
        title="F1, precision and recall on the test split", range=[0, 1], tickformat=".1f", showgrid=True
    )
    rows = list(range(len(figures)))
    figure.update_yaxes(tickvals=rows, ticktext=names, range=[len(rows) - 0.5, -0.5], showgrid=False, zeroline=False)
    return finish(figure, 70 + 72 * max(len(rows), 1), right=104)
