"""The answer of the Results page: a headline with the next step, the learning curve, and what review gained."""

from dataclasses import dataclass

import streamlit as st

from augment.records import Task
from augment.results.charts.learning import N_DIRECT, learning_curve, review_chart
from augment.results.comparison import aggregate_runs, points_table
from augment.results.next_steps import NextStep
from augment.results.review_gains import ReviewGain, review_gains
from augment.results.review_impact import describe_gain
from augment.wording import METRICS, format_metric, plural
from pages.parts.charts import say_shared, show_chart
from pages.parts.formats import escape_markdown
from pages.parts.layout import PAGES, showing_errors
from pages.parts.results.evidence import find_answer, show_cautions
from pages.parts.session import page_state, workbench
from workbench.comparisons import Comparison, compare, majority_of


@dataclass(slots=True)
class ResultsState:
    """What the Results page remembers in this browser tab: the comparison that is held."""

    held: Comparison | None = None


def results_state() -> ResultsState:
    """The state of this browser tab."""
    return page_state("results_state", ResultsState)


def show_comparison(task: Task, comparison: Comparison, metric: str, *, is_held: bool) -> None:
    """The comparison, followed live while its experiments run, or held still."""
    with showing_errors():
        draw_comparison(task, _follow(comparison, is_held=is_held), metric)


def _follow(comparison: Comparison, *, is_held: bool) -> Comparison:
    """The comparison as it is now, or as it was when the charts were held."""
    state = results_state()
    ids = tuple(experiment.id for experiment in comparison.experiments)
    if is_held and state.held and tuple(experiment.id for experiment in state.held.experiments) == ids:
        return state.held
    store = workbench().store
    state.held = compare(workbench(), [store.experiments.get(experiment_id) for experiment_id in ids])
    return state.held


def draw_comparison(task: Task, comparison: Comparison, metric: str) -> None:
    """Headline, next step, learning curve; beside it what review gained."""
    found = find_answer(task, comparison, metric)
    comparison, recommended = found.comparison, found.recommended
    runs, names = comparison.runs, comparison.names
    st.subheader(escape_markdown(found.sentence), anchor=False)
    if recommended:
        choice = recommended.choice
        interval = " The interval covers test texts and RNG seeds." if recommended.gain else ""
        st.caption(
            f"Chosen on {choice.texts} (macro-F1 {choice.macro_f1:.2f}; seeds only "
            f"{choice.baseline_macro_f1:.2f}). A simpler variant is preferred unless another is better by more than "
            f"one standard error.{interval}"
        )
    show_cautions(task, comparison, metric)
    show_step(found.step)
    gains = review_gains(runs, comparison.variants, metric, comparison.predicted)
    points = aggregate_runs(runs, metric)
    is_narrow = gains and len({point.variant for point in points if point.n_synthetic}) <= N_DIRECT
    left, right = st.columns([5, 3], gap="medium") if is_narrow else (st.container(), st.container())
    majority = majority_of(workbench(), task)
    with left:
        say_shared(names)
        show_chart(
            learning_curve(points, metric, comparison.styles, names, majority=majority),
            key="results_curve",
            alt=f"{METRICS[metric]} by number of synthetic texts",
            rows=points_table(points, names),
        )
    if gains:
        with right:
            show_gains(gains, comparison, metric)
    show_footnote(comparison, metric, majority)


def show_step(step: NextStep) -> None:
    """What to do next, and the button that leads there."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(escape_markdown(step.sentence), width="stretch")
        is_pressed = st.button(
            f"Continue: {step.action}",
            type="primary",
            key="results_continue",
            icon=":material/arrow_forward:",
            width="content",
        )
    if is_pressed:
        st.switch_page(PAGES[step.action])


def show_gains(gains: list[ReviewGain], comparison: Comparison, metric: str) -> None:
    """What accepted, reviewed and relabelled texts give, each compared with the raw ones."""
    names = comparison.names
    st.markdown("**What review gained**")
    show_chart(
        review_chart(gains, metric, names),
        key="results_review",
        alt=f"{METRICS[metric]} with raw, accepted and relabelled texts",
        rows=[
            {
                "source": names.sources[gain.variant],
                "n_synthetic": row.n_synthetic,
                "use": row.use.value,
                "mean": row.interval.mean,
                "low_95": row.interval.low,
                "high_95": row.interval.high,
                "n_decisions": gain.n_decisions,
            }
            for gain in gains
            for row in gain.rows
        ],
    )
    for gain in gains:
        decisions = plural(gain.n_decisions, "decision")
        st.caption(escape_markdown(f"{describe_gain(gain, metric, names)} After {decisions} by people."))


def show_footnote(comparison: Comparison, metric: str, majority: float | None) -> None:
    """How the figures were made, in a line."""
    recipe = comparison.experiments[0].config.recipe
    length = (
        plural(recipe.epochs, "epoch") if recipe.epochs else f"the same number of steps for every size ({recipe.steps})"
    )
    if recipe.patience:
        length += ", stopped early by validation texts"
    if all(run.config.kind.is_instant for run in comparison.runs):
        length = "logistic regression on frozen embeddings"
    n_rng_seeds = len({run.config.rng_seed for run in comparison.runs})
    parts = [
        f"Measured on the test split. Training: {length}. Bands: 95% intervals over {plural(n_rng_seeds, 'RNG seed')}."
    ]
    if n_rng_seeds == 2:
        parts.append("With two RNG seeds, a band can be wider than the chart.")
    if metric == "accuracy" and majority is not None:
        share = format_metric("accuracy", majority)
        parts.append(f"Always predicting the most common label would reach {share}.")
    st.caption(escape_markdown(" ".join(parts)))
