"""Results: whether the synthetic texts helped. Every chart comes from stored rows."""

import pandas as pd
import streamlit as st

from augment.arms import name_recipe, name_run
from augment.charts import (
    METRICS,
    Curve,
    aggregate_runs,
    arm_colours,
    describe_gain,
    format_metric,
    label_shares,
    learning_curve,
    step_curves,
)
from augment.metrics import majority_share
from augment.records import GenerationRun, RunStatus, Split, Task, TrainingRun
from pages._shared import (
    METRIC_COLUMNS,
    PAGES,
    empty_state,
    enter_through_app,
    escape_markdown,
    page_header,
    plural,
    require_task,
    showing_errors,
    task_line,
    workbench,
)


def show_comparison(runs: list[TrainingRun], colours: dict[str, str], majority: float) -> None:
    """The learning curve: one line an arm, against training on the seeds only."""
    metric = st.segmented_control(
        "Metric",
        list(METRICS),
        default="macro_f1",
        required=True,
        format_func=METRICS.__getitem__,
        key="results_metric",
        label_visibility="collapsed",
    )
    points = aggregate_runs(runs, metric)
    st.subheader(escape_markdown(describe_gain(points, metric)), anchor=False)
    st.plotly_chart(
        learning_curve(points, metric, colours, majority=majority),
        key="results_curve",
        alt=f"{METRICS[metric]} against the number of synthetic texts, one line an arm",
        config={"displayModeBar": False},
    )
    steps = sorted({run.config.steps for run in runs})
    st.caption(
        f"After the last step; equal steps for every size ({', '.join(map(str, steps))}). Bars: 95 "
        "% interval over RNG seeds, where there are several. Accuracy alone misleads where one label is common."
    )


def show_steps(runs: list[TrainingRun], colours: dict[str, str], majority: float) -> None:
    """The curves of chosen runs over their steps."""
    names = {run.id: name_run(run) for run in runs}
    chosen = st.multiselect(
        "Runs", list(names), default=list(names)[:4], format_func=lambda run_id: names[run_id], key="results_runs"
    )
    metric = st.segmented_control(
        "Over steps",
        [*METRICS, "loss"],
        default="macro_f1",
        required=True,
        format_func=lambda one: METRICS.get(one, "loss"),
        key="results_step_metric",
        label_visibility="collapsed",
    )
    points = workbench().store.trainings.points(chosen)
    shown = [run for run in runs if run.id in chosen]
    curves = [Curve(name_run(run), f"run {run.id}", colours[run.arm], points[run.id]) for run in shown]
    n_steps = max((run.config.steps for run in shown), default=125)
    st.plotly_chart(
        step_curves(curves, metric, n_steps=n_steps, majority=majority),
        key="results_steps",
        alt="Metrics over optimiser steps",
        config={"displayModeBar": False},
    )


def show_labels(task: Task, runs: list[GenerationRun]) -> None:
    """Label shares of each LM's texts beside the test split's."""
    store = workbench().store
    groups: dict[str, dict[str, int]] = {}
    for run in reversed(runs):
        if run.n_texts:
            groups[f"run {run.name}"] = store.generations.count_labels(run.id)
    counts = store.tasks.count_examples(task.id)
    groups["test split"] = {label: counts.get((Split.TEST, label), 0) for label in task.labels}
    st.plotly_chart(
        label_shares(groups, task.labels),
        key="results_labels",
        alt="Share of each label, by run and in the test split",
        config={"displayModeBar": False},
    )
    st.caption("As the LM proposed them, before review.")


def show_table(runs: list[TrainingRun]) -> None:
    """Every training run; the table's own menu downloads it as CSV."""
    rows = [
        {
            "run": run.id,
            "arm": run.arm,
            "synthetic": run.plan.n_synthetic,
            "training texts": run.n_train,
            "macro-F1": run.last.macro_f1 if run.last else None,
            "accuracy": 100 * run.last.accuracy if run.last else None,
            "encoder": run.config.encoder.name,
            "steps": run.config.steps,
            "RNG seed": run.config.rng_seed,
            "status": run.state.status.value,
            "seconds": round(run.state.elapsed_s, 1),
        }
        for run in runs
    ]
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        key="results_table",
        column_config=METRIC_COLUMNS,
    )


enter_through_app()
task = require_task("Comparison")
store = workbench().store
all_runs = store.trainings.all(task.id)
finished = [run for run in all_runs if run.state.status is RunStatus.DONE and run.last]
action = page_header("Results", task_line(task))
if not finished:
    empty_state(
        "The comparison of classifiers with and without synthetic texts appears here after the first training run.",
        "Train",
        "train",
    )
if action.button("Train more", key="results_train", icon=":material/model_training:"):
    st.switch_page(PAGES["train"])
with showing_errors():
    recipes = list(dict.fromkeys(name_recipe(run) for run in finished))
    recipe = recipes[0]
    if len(recipes) > 1:
        recipe = st.selectbox("Recipe", recipes, key="results_recipe", help="Only runs of one recipe are compared")
    comparable = [run for run in finished if name_recipe(run) == recipe]
    colours = arm_colours([run.arm for run in reversed(all_runs)])
    test = [one.label for one in store.tasks.examples(task.id, Split.TEST)]
    majority = majority_share(test)
    st.caption(
        f"{plural(len(test), 'test text')}; always answering the commonest label would be "
        f"{format_metric('accuracy', majority)} accurate."
    )
    with st.container(border=True):
        show_comparison(comparable, colours, majority)
    left, right = st.columns(2, gap="medium")
    with left.container(border=True, height="stretch"):
        st.subheader("Curves over steps", anchor=False)
        show_steps(comparable, colours, majority)
    with right.container(border=True, height="stretch"):
        st.subheader("Label distributions", anchor=False)
        show_labels(task, store.generations.all(task.id))
    with st.container(border=True):
        st.subheader("All training runs", anchor=False)
        show_table(all_runs)
