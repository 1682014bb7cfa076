"""An experiment's charts on the Train page: the learning curve so far, and the newest runs over their steps."""

import pandas as pd
import streamlit as st

from augment.records import RunStatus, Task, TrainingRun
from augment.results.charts.learning import learning_curve
from augment.results.charts.steps import Curve, step_curves
from augment.results.comparison import aggregate_runs
from augment.results.variants import name_run
from pages.parts.charts import say_shared, show_chart
from pages.parts.layout import METRIC_COLUMNS
from pages.parts.session import workbench
from workbench.comparisons import Comparison, majority_of

N_CURVES = 6


def draw_curves(task: Task, comparison: Comparison) -> None:
    """The charts of one experiment, from all its runs so far."""
    experiment, names = comparison.experiments[0], comparison.names
    finished = [run for run in comparison.runs if run.state.status is RunStatus.DONE and run.last is not None]
    st.markdown(f"**macro-F1 by number of synthetic texts**, experiment {experiment.id}, test split")
    say_shared(names)
    if finished:
        show_chart(
            learning_curve(aggregate_runs(finished, "macro_f1"), "macro_f1", comparison.styles, names),
            key="train_learning",
            alt="macro-F1 by number of synthetic texts",
        )
    else:
        text = "The first point appears when the first run is done."
        st.caption(text if experiment.state.status.is_active else "No run has finished, so there is nothing to draw.")
    begun = [run for run in comparison.runs if run.last is not None and run.config.has_curve(run.n_train)]
    newest = sorted(begun, key=lambda run: run.state.started_at or run.state.created_at)[-N_CURVES:]
    if newest:
        _draw_steps(task, comparison, newest)


def _draw_steps(task: Task, comparison: Comparison, runs: list[TrainingRun]) -> None:
    points = workbench().store.trainings.points([run.id for run in runs])
    curves = [
        Curve(name_run(run, comparison.names), f"run {run.id}", comparison.styles[run.variant].colour, points[run.id])
        for run in runs
    ]
    n_steps = max(run.config.count_steps(run.n_train) for run in runs)
    majority = majority_of(workbench(), task)
    left, right = st.columns(2, gap="medium")
    for place, metric, title in ((left, "macro_f1", "macro-F1"), (right, "accuracy", "accuracy")):
        with place:
            st.markdown(f"**{title}** over steps, newest runs")
            show_chart(
                step_curves(curves, metric, n_steps=n_steps, majority=majority),
                key=f"train_{metric}",
                alt=f"{title} over optimiser steps",
            )
    loss = st.expander("Loss", key="train_loss_open", on_change="rerun")  # drawn only while it is open
    if loss.open:
        with loss:
            show_chart(
                step_curves(curves, "loss", n_steps=n_steps), key="train_loss", alt="Test loss over optimiser steps"
            )


def show_runs(comparison: Comparison) -> None:
    """Every finished run."""
    rows = [
        {
            "run": run.id,
            "variant": comparison.names[run.variant],
            "synthetic": run.n_synthetic,
            "RNG seed": run.config.rng_seed,
            "macro-F1": run.last.macro_f1,
            "accuracy": 100 * run.last.accuracy,
            "seconds": run.state.elapsed_s,
        }
        for run in comparison.runs
        if run.last is not None
    ]
    if rows:
        st.dataframe(pd.DataFrame(rows), hide_index=True, key="train_done", column_config=METRIC_COLUMNS)
