"""Train: choose a grid of training runs, start it, watch its curves, pause, resume or extend it."""

import streamlit as st

from augment.records import RunStatus, Task
from augment.wording import plural
from pages.parts.formats import escape_markdown
from pages.parts.layout import CHARTS_POLL_S, PAGES, empty_state, page_header, showing_errors, task_line
from pages.parts.session import enter_through_app, require_task, workbench
from pages.parts.train.curves import draw_curves, show_runs
from pages.parts.train.experiments import show_experiment, train_state
from pages.parts.train.settings import choose_experiment, count_runs, describe_cost, describe_cuts, describe_plan
from workbench.comparisons import compare
from workbench.experiments import plan_experiment, start_experiment

N_LISTED = 4


def default_panel(task: Task, *, is_primary: bool) -> None:
    """The default experiment: what it compares, what it costs, and the button."""
    bench = workbench()
    seed_set = bench.store.tasks.seed_sets(task.id)[0]
    preview = plan_experiment(bench, task, seed_set.id, is_preview=True)
    st.markdown(f"What makes the best classifier, starting from the {plural(len(seed_set.examples), 'seed')}?")
    st.markdown("\n".join(f"- {line}" for line in describe_plan(preview)))
    st.caption(escape_markdown(describe_cost(task, preview)))
    if st.button(
        "Train",
        type="primary" if is_primary else "secondary",
        key="train_default",
        icon=":material/model_training:",
        width="stretch",
    ):
        with st.spinner("Looking up words for each label"):
            start_experiment(bench, task.id, plan_experiment(bench, task, seed_set.id))
        st.rerun()


def design_panel(task: Task) -> None:
    """A grid of one's own: what to train on and how, what it costs, and the button."""
    config = choose_experiment(task, workbench().store.tasks.seed_sets(task.id))
    st.caption(escape_markdown(describe_cost(task, config)))
    for sentence in describe_cuts(task, config):
        st.caption(escape_markdown(sentence))
    if st.button(
        f"Train {plural(count_runs(config), 'run')}",
        key="train_start",
        icon=":material/model_training:",
        width="stretch",
    ):
        start_experiment(workbench(), task.id, config)
        st.rerun()


def show_live(task: Task) -> None:
    """Experiments with their buttons, and curves; polls only while something runs."""
    with showing_errors():
        follow(task)


def follow(task: Task) -> None:
    """What runs or was left unfinished first, then the newest; the curves of what runs, else of the newest."""
    store, state = workbench().store, train_state()
    experiments = store.experiments.all(task.id)
    if not experiments:  # the last one was removed, perhaps in another tab
        st.rerun()
    first = [
        experiment
        for experiment in experiments
        if experiment.state.status.is_active or experiment.id == experiments[0].id
    ]
    ordered = first + [experiment for experiment in experiments if experiment not in first]
    for experiment in ordered[:N_LISTED]:
        show_experiment(experiment)
    if len(ordered) > N_LISTED:
        with st.expander(f"{plural(len(ordered) - N_LISTED, 'older experiment')}"):
            for experiment in ordered[N_LISTED:]:
                show_experiment(experiment)
    shown = next(
        (experiment for experiment in experiments if experiment.state.status is RunStatus.RUNNING), experiments[0]
    )
    is_active = any(experiment.state.status.is_active for experiment in experiments)
    is_held = is_active and st.toggle(
        "Hold the charts", key="train_hold", help="Keeps them as they are, zoom included, while the experiment goes on"
    )
    if not is_held or state.held is None or state.held.experiments[0].task_id != task.id:
        state.held = compare(workbench(), [shown], only_finished=False)
    draw_curves(task, state.held)


enter_through_app()
task = require_task("Train")
store = workbench().store
action = page_header("Train", task_line(task))
if not store.tasks.seed_sets(task.id):
    empty_state(
        "A classifier is trained on the seeds and the synthetic texts. There is no seed set yet.",
        "Choose seeds",
        "seeds",
    )
experiments = store.experiments.all(task.id)
if store.experiments.list_finished(task.id) and action.button(
    "Continue: results", type="primary", key="train_continue", icon=":material/arrow_forward:"
):
    st.switch_page(PAGES["results"])
left, right = st.columns([1, 2], gap="large")
with left, st.container(border=True):
    default, design = st.tabs(["Default", "Design a grid"], key="train_plan")
    with default, showing_errors():
        default_panel(task, is_primary=not store.experiments.list_finished(task.id))
    with design, showing_errors():
        design_panel(task)
with right, showing_errors():
    if not experiments:
        with st.container(border=True, horizontal_alignment="center"):
            st.space("medium")
            st.markdown(
                "No experiment yet. An experiment trains a classifier on the seeds alone and on the seeds with more "
                "and more synthetic texts, several times each. Live charts here show whether the texts help.",
                text_alignment="center",
            )
            st.space("medium")
    else:
        is_active = any(experiment.state.status.is_active for experiment in experiments)
        st.fragment(show_live, run_every=CHARTS_POLL_S if is_active else None)(task)
        if not is_active:
            show_runs(compare(workbench(), experiments[:1]))
