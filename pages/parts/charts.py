"""Charts on pages: drawn with one look, and taken along as CSV, HTML or picture."""

import re
from collections.abc import Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from augment.data.export_formats import guard_cell

_BUTTONS = ["toImage", "zoom2d", "resetScale2d"]


def show_chart(
    figure: go.Figure, *, key: str, alt: str, rows: Sequence[dict[str, Any]] | None = None, can_export: bool = True
) -> None:
    """A chart with its picture button, and, with `rows`, its figures as CSV and itself as a page.

    What is downloaded is made on the click: a live chart costs nothing for it.
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
            help="The chart's figures",
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
            help="The chart as a page that opens offline. As a picture: the camera at the chart's top right",
        )


def guard_formulas(row: dict[str, Any]) -> dict[str, Any]:
    """A row whose texts no spreadsheet takes for a formula: an apostrophe goes before what begins like one."""
    return {name: guard_cell(value) if isinstance(value, str) else value for name, value in row.items()}


def _file_name(text: str) -> str:
    """'macro-f1-by-number-of-texts'."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:60]
