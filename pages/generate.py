"""Generate: start a run, watch it, pause, resume or extend it, and import texts that were written elsewhere."""

import streamlit as st

from augment.records import ReviewStatus, SeedSet, Task
from augment.wording import plural
from pages.parts.generate.importing import import_panel
from pages.parts.generate.run import live_run
from pages.parts.generate.settings import NewRun, choose_settings
from pages.parts.generate.state import choose_run, open_run
from pages.parts.layout import PAGES, POLL_S, page_header, showing_errors, task_line
from pages.parts.session import enter_through_app, require_task, workbench
from workbench.generation import start_generation


def settings_panel(
    task: Task, seed_sets: list[SeedSet], action: "st.delta_generator.DeltaGenerator", *, is_primary: bool
) -> None:
    """What to generate with; the start button goes into `action`."""
    settings = choose_settings(task, seed_sets)
    is_pressed = action.button(
        f"Generate {plural(settings.target, 'text')}",
        type="primary" if is_primary else "secondary",
        key="generate_start",
        icon=":material/auto_awesome:",
        disabled=settings.run is None,
        help=settings.missing or None,
    )
    if is_pressed and settings.run is not None:
        open_run(start(task, settings.run))
        st.rerun()


def start(task: Task, new: NewRun) -> int:
    """Queue the run; returns its number."""
    key = start_generation(
        workbench(),
        task.id,
        new.config,
        seed_set_id=new.seed_set.id,
        prompt_version_id=new.version.id,
        api_key=new.api_key,
    )
    return key.id


def show_nothing_yet() -> "st.delta_generator.DeltaGenerator":
    """Say what appears here once a run has started; returns the place for the start button."""
    with st.container(border=True, horizontal_alignment="center"):
        st.space("small")
        st.markdown(
            "**No texts yet.** During a run, this page shows its progress, how many completions are usable, the "
            "balance of the labels and the newest texts.",
            text_alignment="center",
            width=520,
        )
        action = st.container(horizontal=True, horizontal_alignment="center")
        st.space("small")
    return action


def lead_back(
    missing: str, button: str, page: str, action: "st.delta_generator.DeltaGenerator", *, is_primary: bool
) -> None:
    """Say what a run needs first; the button that leads to it goes into `action`."""
    st.info(f"A run needs {missing} first.", icon=":material/info:")
    if action.button(
        button,
        type="primary" if is_primary else "secondary",
        key="generate_missing",
        icon=":material/arrow_forward:",
    ):
        st.switch_page(PAGES[page])


enter_through_app()
task = require_task("Generate")
store = workbench().store
header = page_header("Generate", task_line(task))
left, right = st.columns([2, 5], gap="large")
runs = store.generations.all(task.id)
waiting = store.reviews.count_status(task.id)[ReviewStatus.PENDING]  # once texts wait, reviewing them is the way on
with right:
    action = header if runs else show_nothing_yet()
with left:
    seed_sets = store.tasks.seed_sets(task.id)
    new, import_ = st.tabs(["New run", "Import"])
    with new, showing_errors():
        if not seed_sets:
            lead_back("a seed set", "Choose seeds", "seeds", action, is_primary=not waiting)
        elif not store.prompts.all(task.id):
            lead_back("a saved prompt", "Save a prompt", "prompt", action, is_primary=not waiting)
        else:
            settings_panel(task, seed_sets, action, is_primary=not waiting)
    with import_, showing_errors():
        import_panel(task)
if waiting and header.button(
    f"Continue: review {plural(waiting, 'text')}",
    type="primary",
    key="generate_continue",
    icon=":material/arrow_forward:",
):
    st.switch_page(PAGES["review"])
if runs:
    with right, showing_errors():
        run_id = choose_run(runs)
        is_active = store.generations.get(run_id).state.status.is_active
        st.fragment(live_run, run_every=POLL_S if is_active else None)(run_id, task)
