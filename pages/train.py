"""Train: choose a grid of training runs, start it, watch its curves, pause, resume or extend it."""

import pandas as pd
import streamlit as st

from augment.records import Experiment, RunKey, RunKind, RunStatus, Task, TrainingRun
from augment.results.charts.learning import learning_curve
from augment.results.charts.steps import Curve, step_curves
from augment.results.comparison import aggregate_runs
from augment.results.variants import SEEDS_ONLY, name_run
from augment.wording import plural
from pages.parts.charts import show_chart
from pages.parts.formats import STATUS_ICONS, escape_markdown, format_state, progress_share
from pages.parts.layout import CHARTS_POLL_S, METRIC_COLUMNS, PAGES, empty_state, page_header, showing_errors, task_line
from pages.parts.results.comparisons import majority_of, name_experiment, styles_of
from pages.parts.session import enter_through_app, require_task, workbench
from pages.parts.train.settings import choose_experiment, describe_cost, warn_of_shortage
from workbench.experiments import extend_experiment, resume_experiment, start_experiment

N_CURVES = 6
N_LISTED = 4


def settings_panel(task: Task) -> None:
    """What to train on and how, what it costs, and the button."""
    with st.container(border=True):
        config = choose_experiment(task, workbench().store.tasks.seed_sets(task.id))
        st.caption(escape_markdown(describe_cost(task, config)))
        for sentence in warn_of_shortage(task, config):
            st.caption(f":material/warning: {escape_markdown(sentence)}")
        if st.button(
            f"Train {plural(config.n_runs, 'run')}",
            type="primary",
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
    store = workbench().store
    experiments = store.experiments.all(task.id)
    active = [one for one in experiments if one.state.status.is_active]
    if st.session_state.get("train_was_active") and not active:
        st.session_state["train_was_active"] = False
        st.rerun()
    st.session_state["train_was_active"] = bool(active)
    if not experiments:
        st.rerun()
    is_first = {one.id: one.state.status.is_active or one.id == experiments[0].id for one in experiments}
    for one in sorted(experiments, key=lambda one: not is_first[one.id])[:N_LISTED]:
        show_experiment(one)
    if len(experiments) > N_LISTED:
        with st.expander(f"{plural(len(experiments) - N_LISTED, 'older experiment')}"):
            for one in sorted(experiments, key=lambda one: not is_first[one.id])[N_LISTED:]:
                show_experiment(one)
    shown = next((one for one in experiments if one.state.status is RunStatus.RUNNING), experiments[0])
    is_held = st.toggle(
        "Hold the charts", key="train_hold", help="They stay as they are, zoom included, while the experiment goes on"
    )
    if not is_held or "train_held" not in st.session_state:
        st.session_state["train_held"] = (shown, store.experiments.runs(shown.id))
    draw_curves(task, *st.session_state["train_held"])


def show_experiment(one: Experiment) -> None:
    """One experiment: how far it is, and what can be done with it."""
    runner, key = workbench().runner, RunKey(RunKind.EXPERIMENT, one.id)
    with st.container(border=True):
        left, right = st.columns([5, 3], vertical_alignment="center")
        left.markdown(f"**{escape_markdown(name_experiment(one))}** · {STATUS_ICONS[one.state.status]}")
        text = format_state(one.state, "runs")
        if one.state.message:
            text += f" · {one.state.message}"
        if one.state.status.is_active:
            left.progress(progress_share(one.state), text=escape_markdown(text))
        else:
            left.caption(escape_markdown(text))
        with right.container(horizontal=True, horizontal_alignment="right"):
            if one.state.status.is_active:
                if st.button("Pause", key=f"train_pause_{one.id}", icon=":material/pause:"):
                    runner.pause(key)
                if st.button("Cancel", key=f"train_cancel_{one.id}", icon=":material/stop:"):
                    runner.cancel(key)
            else:
                show_ended_buttons(one)
        show_failures(one)


def show_ended_buttons(one: Experiment) -> None:
    """Resume, retry, extend or remove an experiment that does not run."""
    n_failed = sum(workbench().store.experiments.count_failures(one.id).values())
    label = "Resume" if one.state.status is not RunStatus.DONE else f"Retry {n_failed} failed" if n_failed else ""
    if label and st.button(label, key=f"train_resume_{one.id}", icon=":material/replay:"):
        resume_experiment(workbench(), one.id)
        st.rerun()
    with st.popover("More", icon=":material/more_horiz:"):
        n_more = st.number_input("More RNG seeds", 1, 50, 5, key=f"train_more_{one.id}")
        if st.button(f"Train {n_more} more a point", key=f"train_extend_{one.id}", icon=":material/add:"):
            extend_experiment(workbench(), one.id, n_more)
            st.rerun()
        st.divider()
        if st.button("Remove with its figures", key=f"train_remove_{one.id}", icon=":material/delete:"):
            workbench().store.experiments.remove(one.id)
            st.session_state.pop("train_held", None)
            st.rerun()


def show_failures(one: Experiment) -> None:
    """Why runs failed, each reason once; where all failed for one reason, the experiment's own message says it."""
    reasons = workbench().store.experiments.count_failures(one.id)
    n_failed = sum(reasons.values())
    others = ", the others went on" if n_failed < one.state.n_total else ""
    if reasons and (others or len(reasons) > 1):
        with st.expander(f"{plural(n_failed, 'run')} failed{others}", expanded=not others, icon=":material/error:"):
            for reason, n in reasons.items():
                st.caption(f"{plural(n, 'run')}: {escape_markdown(reason)}")


def draw_curves(task: Task, experiment: Experiment, runs: list[TrainingRun]) -> None:
    """The learning curve as far as it is, and the newest runs over their steps."""
    styles = styles_of(task)
    finished = [run for run in runs if run.state.status is RunStatus.DONE and run.last is not None]
    st.markdown(f"**macro-F1 by number of synthetic texts**, experiment {experiment.id}, test split")
    points = aggregate_runs(finished, "macro_f1")
    if points:
        show_chart(
            learning_curve(points, "macro_f1", styles),
            key="train_learning",
            alt="macro-F1 by number of synthetic texts",
        )
    else:
        text = "The first point appears when the first run is done."
        st.caption(text if experiment.state.status.is_active else "No run of it was finished: nothing to draw.")
    begun = [run for run in runs if run.last is not None and not run.config.kind.is_instant]
    begun = sorted(begun, key=lambda run: run.state.started_at or run.state.created_at)[-N_CURVES:]
    points_of = workbench().store.trainings.points([run.id for run in begun])
    grey = styles[SEEDS_ONLY].colour
    curves = [
        Curve(name_run(run), f"run {run.id}", styles[run.arm].colour if run.arm in styles else grey, points_of[run.id])
        for run in begun
    ]
    if not curves:
        return
    n_steps = max(run.config.count_steps(run.n_train) for run in begun)
    left, right = st.columns(2, gap="medium")
    for place, metric, title in ((left, "macro_f1", "macro-F1"), (right, "accuracy", "accuracy")):
        with place:
            st.markdown(f"**{title}** over steps, newest runs")
            show_chart(
                step_curves(curves, metric, n_steps=n_steps, majority=majority_of(task)),
                key=f"train_{metric}",
                alt=f"{title} over optimiser steps",
            )
    loss = st.expander("Loss", key="train_loss_open", on_change="rerun")  # drawn only while it is open
    if loss.open:
        with loss:
            show_chart(
                step_curves(curves, "loss", n_steps=n_steps), key="train_loss", alt="Test loss over optimiser steps"
            )


def show_runs(task: Task) -> None:
    """Every finished run of the newest experiment."""
    store = workbench().store
    newest = store.experiments.all(task.id)[0]
    rows = [
        {
            "run": run.id,
            "arm": run.arm,
            "synthetic": run.n_synthetic,
            "RNG seed": run.config.rng_seed,
            "macro-F1": run.last.macro_f1,
            "accuracy": 100 * run.last.accuracy,
            "seconds": run.state.elapsed_s,
        }
        for run in store.experiments.runs(newest.id, status=RunStatus.DONE)
        if run.last is not None
    ]
    if rows:
        st.dataframe(pd.DataFrame(rows), hide_index=True, key="train_done", column_config=METRIC_COLUMNS)


enter_through_app()
task = require_task("Train")
store = workbench().store
action = page_header("Train", task_line(task))
if not store.tasks.seed_sets(task.id):
    empty_state(
        "A classifier learns from the seeds and the synthetic texts; there is no seed set yet.", "Choose seeds", "seeds"
    )
experiments = store.experiments.all(task.id)
if store.experiments.list_finished(task.id) and action.button(
    "Continue: results", key="train_continue", icon=":material/arrow_forward:"
):
    st.switch_page(PAGES["results"])
left, right = st.columns([1, 2], gap="large")
with left, showing_errors():
    settings_panel(task)
with right, showing_errors():
    if not experiments:
        with st.container(border=True, horizontal_alignment="center"):
            st.space("medium")
            st.markdown(
                "No experiment yet. It trains a classifier on the seeds alone and on the seeds with more and more "
                "synthetic texts, several times each, and draws here, live, whether they help.",
                text_alignment="center",
            )
            st.space("medium")
    else:
        is_active = any(one.state.status.is_active for one in experiments)
        st.fragment(show_live, run_every=CHARTS_POLL_S if is_active else None)(task)
        if not is_active:
            show_runs(task)
