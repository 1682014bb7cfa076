"""Import labels from a file: its rows are matched to the stored texts by what they say."""

from pathlib import PurePosixPath

import streamlit as st

from augment.data import prepare, read_files
from augment.records import Task
from augment.wording import plural
from pages.parts.columns import choose_columns
from pages.parts.formats import escape_markdown
from pages.parts.review.state import review_state
from pages.parts.session import workbench
from workbench.labelling import import_labels, preview_labels


def show_importing(task: Task) -> None:
    """The file, its columns, what matches, and the button that stores it as a source."""
    st.subheader("Import labels from a file", anchor=False)
    state = review_state()
    if stored := state.labels_stored.take():
        st.success(escape_markdown(stored), icon=":material/check:")
    file = st.file_uploader(
        "A table with a text and a label column: CSV, TSV, JSONL, Parquet or a zipped datasets folder",
        key=f"review_labels_file_{state.n_label_imports}",
        help="Texts are matched by what they say, whatever the case and spaces. Rows without a label are left out. The "
        "labels are an opinion: no text is changed. To store labels as your own decisions, use Export and import.",
    )
    if file is None:
        return
    tables = read_files.read_file(file.name, file.getvalue())
    text_column, label_column = choose_columns(tables, "review_labels")
    name = st.text_input(
        "Name of the source",
        placeholder=PurePosixPath(file.name).stem,
        key="review_labels_name",
        help="Who gave the labels: the table of sources shows this name",
    )
    if label_column is None:
        return
    rows = prepare.read_labelled(tables, text_column, label_column, task.labels, skips_unlabelled=True)
    found = preview_labels(workbench(), task, rows)
    st.markdown(escape_markdown(found.summary))
    if st.button(
        f"Store labels of {plural(len(found.of_texts), 'text')}",
        key="review_labels_import",
        icon=":material/download_done:",
    ):
        source = import_labels(workbench(), task, name.strip() or PurePosixPath(file.name).stem, rows)
        state.labels_stored.text = f"'{source.name}' stored: {source.state.message}."
        state.n_label_imports += 1
        st.rerun()
