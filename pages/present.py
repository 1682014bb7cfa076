"""Presentation: one experiment for a room, read-only and in large type. `?task=…&experiment=…` names it."""

import plotly.graph_objects as go
import streamlit as st

from augment.records import Experiment, Task
from augment.results.charts.learning import learning_curve, review_chart
from augment.results.comparison import aggregate_runs
from augment.results.headlines import describe_variants
from augment.results.review_gains import review_gains
from augment.results.review_impact import describe_gain
from augment.results.variants import name_recipe
from pages.parts.charts import say_shared, show_chart
from pages.parts.formats import escape_markdown, format_state
from pages.parts.layout import CHARTS_POLL_S, empty_state, showing_errors, task_line
from pages.parts.results.evidence import find_answer, show_cautions
from pages.parts.session import enter_through_app, require_task, workbench
from workbench.comparisons import compare, majority_of

FONT_SIZE = 18


def find_experiment(task: Task) -> Experiment | None:
    """The one in the address, else the newest with a finished run."""
    wanted = st.query_params.get("experiment", "")
    experiments = workbench().store.experiments.list_finished(task.id)
    return next(
        (experiment for experiment in experiments if str(experiment.id) == wanted),
        experiments[0] if experiments else None,
    )


def show(task: Task, experiment_id: int, *, is_followed: bool) -> None:
    """The experiment as it is now; once it has ended, the page runs again and follows it no longer."""
    with showing_errors():
        experiment = workbench().store.experiments.get(experiment_id)
        if is_followed and not experiment.state.status.is_active:
            st.rerun()
        draw(task, experiment)


def enlarge(figure: go.Figure) -> go.Figure:
    """All of a chart's words in large type; Streamlit's theme sets a size for each kind, so each is set here."""
    size = {"size": FONT_SIZE - 3}
    figure.for_each_annotation(lambda annotation: annotation.update(font=size))
    figure.update_xaxes(tickfont=size, title_font=size).update_yaxes(tickfont=size, title_font=size)
    right = round(1.25 * figure.layout.margin.r)  # the names beside the lines are as much wider
    return figure.update_layout(
        margin_r=right, font={"size": FONT_SIZE}, legend={"font": size, "entrywidth": 330}, hoverlabel_font=size
    )


def draw(task: Task, experiment: Experiment) -> None:
    """Answer, curve, what review gained, and how sure."""
    found = find_answer(task, compare(workbench(), [experiment]), "macro_f1")
    comparison = found.comparison
    names, predicted = comparison.names, comparison.predicted
    st.title(escape_markdown(found.sentence), anchor=False)
    st.caption(task_line(task))
    show_cautions(task, comparison, "macro_f1")
    say_shared(names)
    styles, majority = comparison.styles, majority_of(workbench(), task)
    for metric in ("macro_f1", "accuracy"):
        points = aggregate_runs(comparison.runs, metric)
        figure = learning_curve(points, metric, styles, names, majority=majority)
        enlarge(figure).update_layout(height=560)
        show_chart(figure, key=f"present_{metric}", alt=f"{metric} by number of synthetic texts", can_export=False)
    gains = review_gains(comparison.runs, comparison.variants, "macro_f1", predicted)
    if gains:
        st.header("What review gained", anchor=False)
        figure = enlarge(review_chart(gains, "macro_f1", names))
        show_chart(figure, key="present_review", alt="macro-F1 with raw and reviewed texts", can_export=False)
        for gain in gains:
            st.markdown(f"- {escape_markdown(describe_gain(gain, 'macro_f1', names))}")
    st.header("How sure is this?", anchor=False)
    for sentence in describe_variants(comparison.runs, "macro_f1", names, predicted):
        st.markdown(f"- {escape_markdown(sentence)}")
    state = experiment.state
    going_on = f" · {format_state(state, 'runs')}" if state.status.is_active else ""
    st.caption(escape_markdown(f"Experiment {experiment.id} · {name_recipe(experiment)}{going_on}"))


enter_through_app()
task = require_task("Presentation")
with showing_errors():
    experiment = find_experiment(task)
    if experiment is None:
        empty_state("There is nothing to present yet: no training run has finished.", "Train", "train")
    assert experiment is not None  # noqa: S101  empty_state has ended the script
    is_active = experiment.state.status.is_active
    st.fragment(show, run_every=CHARTS_POLL_S if is_active else None)(task, experiment.id, is_followed=is_active)
