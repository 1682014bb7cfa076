"""What pages share: the workbench of this process, the chosen task, errors, numbers, small widgets."""

import re
import runpy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import streamlit as st

from augment.errors import AugmentError
from augment.generation.yields import MIN_TIMED_S
from augment.records import Finding, RunState, RunStatus, Task
from workbench.bench import Workbench, open_workbench

PAGES = {
    "overview": "pages/overview.py",
    "seeds": "pages/seeds.py",
    "prompt": "pages/prompt.py",
    "generate": "pages/generate.py",
    "review": "pages/review.py",
    "train": "pages/train.py",
    "results": "pages/results.py",
    "present": "pages/present.py",
}
BAR_LENGTH = 8  # signs that stand for a probability of 1
POLL_S = 1.0
CHARTS_POLL_S = 2.0  # what draws several charts takes a tenth of a second of the run's own core

# How tables of training runs show their figures.
METRIC_COLUMNS = {
    "macro-F1": st.column_config.NumberColumn(format="%.3f"),
    "accuracy": st.column_config.NumberColumn("accuracy, %", format="%.1f"),
    "seconds": st.column_config.NumberColumn("time, s", format="%.1f"),
}

STATUS_ICONS = {
    RunStatus.QUEUED: ":material/hourglass_empty: queued",
    RunStatus.RUNNING: ":material/progress_activity: running",
    RunStatus.DONE: ":material/check: done",
    RunStatus.PAUSED: ":material/pause_circle: paused",
    RunStatus.CANCELLED: ":material/block: cancelled",
    RunStatus.FAILED: ":material/error: failed",
    RunStatus.INTERRUPTED: ":material/power_off: interrupted",
}


def mark_entered() -> None:
    """app.py says that it has run in this session."""
    st.session_state["shared_entered"] = True


def enter_through_app() -> None:
    """Every page's first call: hand over to app.py where it has not run yet.

    The first session of a fresh server that opens the address of a page runs that file alone, since the folder is named
    pages (Streamlit's older way of making many pages); with addresses unlike the files' names it says "Page not found".
    """
    if not st.session_state.get("shared_entered"):
        runpy.run_path(str(Path(__file__).parents[2] / "app.py"))
        st.stop()


@st.cache_resource(show_spinner="Opening the database")
def workbench() -> Workbench:
    """The one workbench of this process."""
    return open_workbench()


# The task a person works on ------------------------------------------------------------------------------------------


def current_task() -> Task | None:
    """The task chosen in this browser tab, or the newest one."""
    tasks = workbench().store.tasks.all()
    chosen = st.session_state.get("shared_task_id") or _task_in_address()
    if chosen is not None and len(tasks) > 1:
        st.query_params["task"] = str(chosen)  # so that a reload keeps it
    return next((task for task in tasks if task.id == chosen), tasks[0] if tasks else None)


def _task_in_address() -> int | None:
    value = st.query_params.get("task", "")
    return int(value) if value.isdecimal() else None


def choose_task(task_id: int) -> None:
    """Work on this task from now on in this browser tab; what was open of another one closes."""
    st.session_state["shared_task_id"] = task_id
    for key in ("review_trail", "review_wanted", "review_order", "review_ticked", "generate_run"):
        st.session_state.pop(key, None)


def require_task(what: str) -> Task:
    """The current task, or an empty state that leads to the Seeds page."""
    task = current_task()
    if task is None:
        st.title(what, anchor=False)
        empty_state("This starts from labelled texts, and there are none yet.", "Choose seeds", "seeds")
    assert task is not None  # noqa: S101  empty_state has ended the script
    st.session_state.setdefault("shared_task_id", task.id)  # a task that somebody else makes does not replace it
    return task


# Layout --------------------------------------------------------------------------------------------------------------


def page_header(title: str, subtitle: str = "") -> "st.delta_generator.DeltaGenerator":
    """Title and subtitle; returns the place at the top right for the page's one primary action."""
    left, right = st.columns([3, 2], vertical_alignment="center")
    with left.container(gap=None):
        st.title(title, anchor=False)
        if subtitle:
            st.caption(subtitle)
    return right.container(horizontal=True, horizontal_alignment="right")


def task_line(task: Task) -> str:
    """'Emotion · joy / anger / surprise', safe to show as Markdown."""
    return escape_markdown(f"{task.name} · {' / '.join(task.labels)}")


def empty_state(text: str, button: str, page: str) -> None:
    """Say why there is nothing to see, offer the way on, and end the script."""
    with st.container(border=True, horizontal_alignment="center", gap="medium"):
        st.space("small")
        st.markdown(escape_markdown(text), text_alignment="center")
        if st.button(button, type="primary", key=f"shared_empty_{page}", icon=":material/arrow_forward:"):
            st.switch_page(PAGES[page], query_params={})  # a page's own filters do not go along
        st.space("small")
    st.stop()


@contextmanager
def showing_errors() -> Iterator[None]:
    """Show what a person can mend where it happened; the rest of the page goes on."""
    try:
        yield
    except AugmentError as error:
        show_error(str(error))


def show_error(text: str) -> None:
    """One error sentence, literally."""
    st.error(escape_markdown(text), icon=":material/error:")


def escape_markdown(text: str) -> str:
    """`text` so that Markdown shows it literally: no links, images, directives or emphasis."""
    # A zero-width space keeps addresses from becoming links, which Markdown makes of them even when escaped.
    unlinked = re.sub(r"(?<=:)(?=//)|(?<=www)(?=\.)|(?=@)", "\u200b", text)
    return re.sub(r"([\\`*_{}\[\]()#+\-.!|<>~$:@/])", r"\\\1", unlinked).replace("\n", " ")


def literal(text: str) -> None:
    """Untrusted text, shown as it is at reading size and at most about 75 characters a line."""
    st.text(text, width=640)


def label_bar(labels: Sequence[str], probs: Sequence[float]) -> None:
    """Label probabilities in one line, the likeliest in bold: 'joy ▮▮▯▯▯▯▯▯ 0.22 · anger ▮▮▮▯▯▯▯▯ 0.41'."""
    parts = []
    for label, prob in zip(labels, probs, strict=True):
        n_full = round(BAR_LENGTH * prob)
        part = f"{escape_markdown(label)} {'▮' * n_full}{'▯' * (BAR_LENGTH - n_full)} {prob:.2f}"
        parts.append(f"**{part}**" if prob == max(probs) else part)
    st.caption(" · ".join(parts))


def name_flag(flag: Finding) -> str:
    """'near-duplicate (93% like …)'; not escaped."""
    return f"{flag.reason} ({flag.detail})"


# Numbers -------------------------------------------------------------------------------------------------------------


def format_duration(seconds: float) -> str:
    """'0.4 s', '8 s', '3 min 20 s', '1 h 5 min'; 'less than 0.1 s'."""
    if seconds < 1:
        return f"{seconds:.1f} s" if seconds >= 0.1 else "less than 0.1 s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def format_state(state: RunState, unit: str) -> str:
    """'34 of 50 texts · 2.9 texts/s · 6 s left', as far as it is known."""
    parts = [f"{state.n_done:,} of {state.n_total:,} {unit}"]
    if state.elapsed_s >= MIN_TIMED_S and state.n_done:
        parts.append(format_rate(state.n_done / state.elapsed_s, unit))
    if state.eta_s is not None:
        parts.append(f"{format_duration(state.eta_s)} left")
    elif state.finished_at and state.elapsed_s:
        parts.append(f"took {format_duration(state.elapsed_s)}")
    return " · ".join(parts)


def format_rate(per_s: float, unit: str) -> str:
    """'120 texts/s', '2.9 texts/s'; what takes longer is told the other way round: '6.4 s a run'."""
    if per_s < 0.5:
        return f"{1 / per_s:.1f} s a {unit.removesuffix('s')}"
    return f"{per_s:,.0f} {unit}/s" if per_s >= 100 else f"{per_s:.1f} {unit}/s"


def progress_share(state: RunState) -> float:
    """How much of a run is done, 0 to 1."""
    return min(state.n_done / state.n_total, 1.0) if state.n_total else 0.0
