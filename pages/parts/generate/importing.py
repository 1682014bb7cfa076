"""Texts that were written elsewhere become a finished run of a named language model."""

import streamlit as st

from augment.data import prepare, read_files
from augment.records import Task
from pages.parts.columns import choose_columns
from pages.parts.formats import escape_markdown
from pages.parts.generate.state import generate_state, open_run
from pages.parts.session import workbench
from workbench.generation import import_texts


def import_panel(task: Task) -> None:
    """Name, file and button; the result of the last import is shown until the next file is chosen."""
    state = generate_state()
    name = st.text_input(
        "Name of the language model",
        placeholder="GPT-J",
        key="generate_import_name",
        help="Charts and tables show the texts under this name",
    )
    file = st.file_uploader(
        "JSONL, CSV, TSV, Parquet, 'text;label' .txt, or a zipped save_to_disk folder",
        key=f"generate_import_file_{state.n_imports}",  # empty again after each import
    )
    if file is None:
        if state.imported:
            st.success(escape_markdown(state.imported), icon=":material/check:")
        return
    tables = read_files.read_file(file.name, file.getvalue())
    columns = set(read_files.list_columns(tables))
    names = ("text", "label")
    text_column, label_column = names if columns.issuperset(names) else choose_columns(tables, "generate")
    if not st.button(
        "Import texts",
        key="generate_import",
        disabled=not name.strip() or label_column is None,
        icon=":material/download_done:",
        help=None if name.strip() else "Enter the name of the language model first",
    ):
        return
    texts = prepare.read_labelled(tables, text_column, label_column or "", task.labels)
    run = import_texts(workbench(), task.id, name.strip(), texts)
    open_run(run.id)
    state.n_imports += 1
    state.imported = f"{run.state.message}, as generation run {run.id}"
    st.rerun()
