"""Charts on pages: drawn with one look, and downloaded as CSV, HTML or picture."""

import re
from collections.abc import Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from augment.data.export_formats import guard_cell
from augment.results.variants import VariantNames
from pages.parts.formats import escape_markdown

_BUTTONS = ["toImage", "zoom2d", "resetScale2d"]


def show_chart(
    figure: go.Figure, *, key: str, alt: str, rows: Sequence[dict[str, Any]] | None = None, can_export: bool = True
) -> None:
    """A chart with its picture button; with `rows` also with buttons that download its figures and the chart itself.

    A download is made when its button is clicked, so a live chart costs nothing for it.
    """
    name = _file_name(alt)
    config = {
        "displaylogo": False,
        "modeBarButtons": [_BUTTONS],
        "toImageButtonOptions": {"format": "png", "scale": 2, "filename": name},
        "displayModeBar": "hover" if can_export else False,
    }
    st.plotly_chart(figure, key=key, alt=alt, config=config)
    if rows is None or not can_export:
        return
    with st.container(horizontal=True, horizontal_alignment="right", gap="small"):
        st.download_button(
            "CSV",
            lambda: pd.DataFrame([guard_formulas(row) for row in rows]).to_csv(index=False),
            f"{name}.csv",
            "text/csv",
            key=f"{key}_csv",
            type="tertiary",
            icon=":material/table:",
            on_click="ignore",
            help="The figures of the chart, for a spreadsheet",
        )
        st.download_button(
            "HTML",
            lambda: figure.to_html(include_plotlyjs=True, full_html=True),
            f"{name}.html",
            "text/html",
            key=f"{key}_html",
            type="tertiary",
            icon=":material/code:",
            on_click="ignore",
            help="The chart as a page that opens offline. For a picture, use the camera at the top right of the chart.",
        )


def say_shared(names: VariantNames) -> None:
    """What all variants of a chart have in common, so that no name has to repeat it."""
    if names.shared:
        st.caption(escape_markdown(f"All variants with synthetic texts: {names.shared}"))


def guard_formulas(row: dict[str, Any]) -> dict[str, Any]:
    """The row with an apostrophe before each text that a spreadsheet would take for a formula."""
    return {name: guard_cell(value) if isinstance(value, str) else value for name, value in row.items()}


def _file_name(text: str) -> str:
    """'macro-f1-by-number-of-texts'."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:60]
