"""The workbench of this process, and the task that this browser tab works on."""

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import streamlit as st

from augment.records import Task
from pages.parts.layout import empty_state
from workbench.bench import Workbench, open_workbench

State = TypeVar("State")

# What each page shows; said as long as there is no task.
_SHOWS = {
    "Prompt": "Here you edit the prompt, see it with your seeds in it, and try it on the language model.",
    "Generate": "Here the language model writes new texts with labels, and you see how many of them are usable.",
    "Review": "Here you accept, reject and relabel what the language model wrote.",
    "Train": "Here classifiers are trained with and without the synthetic texts.",
    "Results": "Here you see whether the synthetic texts helped, and how sure that is.",
}


def mark_entered() -> None:
    """Remember that app.py has run in this session."""
    st.session_state["shared_entered"] = True


def enter_through_app() -> None:
    """Run app.py instead of the page if it has not run in this session yet. Every page calls this first.

    If the first session of a fresh server opens a page's address, Streamlit runs the page's file without app.py,
    because the folder is named pages (its older way of making several pages). If the addresses differed from the file
    names, it would say "Page not found".
    """
    if not st.session_state.get("shared_entered"):
        runpy.run_path(str(Path(__file__).parents[2] / "app.py"))
        st.stop()


@st.cache_resource(show_spinner="Opening the database")
def workbench() -> Workbench:
    """The one workbench of this process."""
    return open_workbench()


def page_state(key: str, make: Callable[[], State]) -> State:
    """The object in which one page keeps what it remembers in this browser tab; made when it is first asked for."""
    if key not in st.session_state:
        st.session_state[key] = make()
    state: State = st.session_state[key]
    return state


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
    """Work on this task from now on in this browser tab. Pages keep what belongs to a task by its number."""
    st.session_state["shared_task_id"] = task_id


def require_task(what: str) -> Task:
    """The current task, or an empty state that leads to the Seeds page. `what` is the page's title."""
    task = current_task()
    if task is None:
        st.title(what, anchor=False)
        shows = _SHOWS.get(what, "This page shows what augmentation gained.")
        empty_state(
            f"{shows} This page needs labelled texts, and there are none yet.", "Import labelled texts", "seeds"
        )
    assert task is not None  # noqa: S101  empty_state has ended the script
    st.session_state.setdefault("shared_task_id", task.id)  # a task that somebody else makes does not replace it
    return task
