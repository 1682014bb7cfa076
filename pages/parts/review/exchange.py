"""Export and import on the Review page: texts as a file with lineage and history, and labels decided elsewhere."""

import tempfile
from collections.abc import Callable, Sequence
from typing import TypeVar

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from augment.data.export_formats import ExportFormat, is_export, read_export, write_export
from augment.data.label_tables import read_decisions
from augment.errors import AugmentError
from augment.records import (
    DecidedElsewhere,
    DecisionCount,
    Restoration,
    ReviewStatus,
    Task,
    TextFilters,
)
from augment.wording import plural
from pages.parts.formats import escape_markdown
from pages.parts.layout import showing_errors
from pages.parts.review.state import IMPORT_ACCEPTS, Finding, accepts_imported, review_state
from pages.parts.reviewer import reviewer
from pages.parts.session import workbench

T = TypeVar("T")

TEXTS, LABELS = "texts with their decisions", "labels by id"


def show_exchange(task: Task, filters: TextFilters) -> None:
    """The tab: export on the left, import on the right."""
    left, right = st.columns(2, gap="large")
    with left, showing_errors():
        _show_export(task, filters)
    with right, showing_errors():
        _show_import(task)


# Out -----------------------------------------------------------------------------------------------------------------


def _show_export(task: Task, filters: TextFilters) -> None:
    st.subheader("Export", anchor=False)
    statuses = st.pills(
        "Statuses",
        list(ReviewStatus),
        selection_mode="multi",
        default=[ReviewStatus.ACCEPTED],
        format_func=lambda status: status.value,
        key="review_export_statuses",
    )
    is_filtered = st.checkbox(
        "Only texts that match the filters",
        key="review_export_filtered",
        help="The filters above, except for the status, which is chosen here",
    )
    kind = st.segmented_control(
        "Format",
        list(ExportFormat),
        default=ExportFormat.CSV,
        required=True,
        format_func=lambda export_format: export_format.value,
        key="review_export_format",
    )
    wanted = filters if is_filtered else TextFilters()
    n = workbench().store.exchange.count(task.id, wanted, statuses)
    st.caption(
        f"{plural(n, 'text')}, each with its label and probabilities, its consensus label, its prompt, completion and "
        "seeds, and every decision about it. The file can be imported here or into another task."
    )
    st.download_button(
        f"Export {plural(n, 'text')}",
        lambda: _make_file(task.id, wanted, statuses, kind),
        f"texts-of-task-{task.id}{kind.ending}",
        key="review_export",
        icon=":material/download:",
        on_click="ignore",
        disabled=not n,
    )


def _make_file(task_id: int, filters: TextFilters, statuses: Sequence[ReviewStatus], kind: ExportFormat) -> bytes:
    """The file's content, made on the click, by way of the disk."""
    with tempfile.TemporaryFile() as file:
        write_export(workbench().store.exchange.export(task_id, filters, statuses), file, kind)
        file.seek(0)
        return file.read()


# In ------------------------------------------------------------------------------------------------------------------


def _show_import(task: Task) -> None:
    st.subheader("Import", anchor=False)
    if stored := review_state().import_stored.take():
        st.success(escape_markdown(stored), icon=":material/check:")
    file = st.file_uploader(
        "A file exported here, or a table with the columns 'id' and 'label'",
        key=f"review_import_file_{review_state().n_imports}",
        help="CSV, JSONL, Parquet or a zipped datasets folder. A table may also have the columns 'status', 'note' and "
        "'text'; with 'text', a row whose text differs from the text here is refused.",
    )
    if file is None:
        return
    if _found_once("is_export", (file.file_id,), lambda: is_export(file.name, file)):
        way = st.segmented_control(
            "What to import", [TEXTS, LABELS], default=TEXTS, required=True, key="review_import_way"
        )
    else:
        way = LABELS
    if way == TEXTS:
        _show_texts(task, file)
    else:
        _show_labels(task, file)


def _show_texts(task: Task, file: UploadedFile) -> None:
    """What an export would add, and the button that stores it."""
    exchange = workbench().store.exchange
    found = _found_once(
        "texts", (file.file_id, task.id), lambda: exchange.preview(task.id, read_export(file.name, file))
    )
    st.markdown(escape_markdown(_describe_texts(found)))
    for warning in _warn_of(found):
        st.warning(escape_markdown(warning), icon=":material/warning:")
    st.caption("They are stored as new generation runs. Undo does not remove them.")
    if st.button(
        f"Store {plural(found.n_texts, 'text')}",
        key="review_import_texts",
        type="primary",
        icon=":material/download_done:",
        disabled=not found.n_texts,
    ):
        restored = exchange.restore(task.id, read_export(file.name, file))
        runs = ", ".join(map(str, restored.run_ids))
        kind = "generation run" if len(restored.run_ids) == 1 else "generation runs"
        _finish(f"{plural(restored.n_texts, 'text')} stored as {kind} {runs}.")


def _describe_texts(found: Restoration) -> str:
    """'212 texts of 3 generation runs, with 340 decisions by Ann, Ben'."""
    texts = f"{plural(found.n_texts, 'text')} of {plural(found.n_runs, 'generation run')}"
    if not found.n_events:
        return f"{texts}, without decisions"
    return f"{texts}, with {plural(found.n_events, 'decision')} by {', '.join(found.reviewers)}"


def _warn_of(found: Restoration) -> list[str]:
    """What a person should know before these texts are stored."""
    warnings = []
    if found.n_held_out:
        warnings.append(
            f"Left out: {plural(found.n_held_out, 'text')} of the validation or test split, which classifiers must "
            "not be trained on."
        )
    if found.n_known:
        warnings.append(
            f"Already in this task: {plural(found.n_known, 'text')}, which would be in it twice. To import only the "
            f"decisions about them, choose '{LABELS}'."
        )
    if found.n_seedless:
        warnings.append(
            f"Written from seeds that are not examples of this task: {plural(found.n_seedless, 'text')}. Their prompts "
            "still show these seeds, but their lineage does not."
        )
    return warnings


def _show_labels(task: Task, file: UploadedFile) -> None:
    """What a table of labels would change, and the button that stores it as one step."""
    store = workbench().store
    accepts = accepts_imported()
    decided, count = _found_once(
        "labels",
        (file.file_id, task.id, accepts, store.reviews.count_events(task.id)),
        lambda: _read_labels(task, file, accepts=accepts),
    )
    if not decided.has_status:
        st.checkbox("Accept each text that gets a label", value=True, key=IMPORT_ACCEPTS)
    st.markdown(escape_markdown(_describe_labels(decided, count)))
    st.caption("Stored as one step under your name: one Undo takes it all back.")
    if st.button(
        f"Store {plural(count.n_changed, 'change')}",
        key="review_import_labels",
        type="primary",
        icon=":material/download_done:",
        disabled=not count.n_changed,
    ):
        store.exchange.compare(task.id, decided)  # somebody may have edited a text since it was shown
        step = store.reviews.import_decisions(task.id, decided.decisions, reviewer=reviewer())
        n = step.n_events if step else 0
        _finish(f"{plural(n, 'text')} changed in one step. One Undo takes it back.")


def _read_labels(task: Task, file: UploadedFile, *, accepts: bool) -> tuple[DecidedElsewhere, DecisionCount]:
    decided = read_decisions(file.name, file.getvalue(), task.labels, accepts=accepts)
    return decided, workbench().store.exchange.compare(task.id, decided)


def _describe_labels(decided: DecidedElsewhere, count: DecisionCount) -> str:
    """'212 labels by id: 180 change, 32 stay the same'."""
    labels = plural(len(decided.decisions), "label")
    left_out = f"; {plural(decided.n_undecided, 'row')} without a label left out" if decided.n_undecided else ""
    return f"{labels} by id: {count.n_changed:,} change, {count.n_same:,} stay the same{left_out}"


def _found_once(what: str, key: tuple[object, ...], look: Callable[[], T]) -> T:
    """What `look` finds in a file, looked for once per file and choice, not at every rerun; its error too.

    Raises:
        AugmentError: as `look` does.
    """
    findings = review_state().findings
    if what not in findings or findings[what].key != key:
        try:
            with st.spinner("Reading the file"):
                findings[what] = Finding(key, look())
        except AugmentError as error:
            findings[what] = Finding(key, error=str(error))
    if findings[what].error:
        raise AugmentError(findings[what].error)
    found: T = findings[what].found
    return found


def _finish(stored: str) -> None:
    """Say what was stored, beside an empty uploader."""
    state = review_state()
    state.import_stored.text = stored
    state.n_imports += 1
    st.rerun()
