"""Which column of an uploaded table holds the texts and which the labels."""

from collections.abc import Sequence

import streamlit as st

from augment.data.read_files import SourceTable, list_columns
from augment.errors import DataError

TEXT_NAMES = ("text", "tweet", "sentence", "content")
LABEL_NAMES = ("label", "labels", "class", "sentiment", "emotion")


def choose_columns(tables: Sequence[SourceTable], page: str) -> tuple[str, str | None]:
    """The text and the label column, guessed from their names; None as the label column if no name fits.

    Raises:
        DataError: the tables share fewer than two columns.
    """
    columns = list_columns(tables)
    if len(columns) < 2:
        found = ", ".join(columns) or "no column that all files share"
        raise DataError(f"A text and a label column are needed; found {found}. Add the missing column to the file.")
    names = [column.lower() for column in columns]
    text_at = next((i for i, name in enumerate(names) if name in TEXT_NAMES), 0)
    label_at = next((i for i, name in enumerate(names) if name in LABEL_NAMES), None)
    left, right = st.columns(2)
    text = left.selectbox("Text column", columns, index=text_at, key=f"{page}_text_column")
    label = right.selectbox(
        "Label column", columns, index=label_at, placeholder="Choose a column", key=f"{page}_label_column"
    )
    if label is None:
        st.info("No column name looks like a label. Choose the column that holds the labels.", icon=":material/label:")
    return text, label
