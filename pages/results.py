"""Results: whether the synthetic texts helped, how sure that is, and what review bought. All from stored rows."""

from collections.abc import Callable

import pandas as pd
import streamlit as st

from augment.records import Task
from augment.results.charts.counts import label_shares
from augment.results.charts.labels import class_chart, confusion_chart
from augment.results.charts.learning import N_DIRECT, learning_curve, review_chart
from augment.results.charts.steps import Curve, step_curves
from augment.results.comparison import (
    aggregate_runs,
    compare_with_baseline,
    describe_arms,
    differences_table,
    headline,
    points_table,
)
from augment.results.predictions import class_figures, confusion, wrong_texts
from augment.results.report.build import build_report
from augment.results.review_gains import review_gains
from augment.results.variants import name_run, split_kind
from augment.wording import METRICS, format_metric, plural
from pages.parts.charts import show_chart
from pages.parts.formats import escape_markdown
from pages.parts.layout import CHARTS_POLL_S, METRIC_COLUMNS, PAGES, empty_state, page_header, showing_errors, task_line
from pages.parts.results.comparisons import (
    Comparison,
    choose_comparison,
    compare,
    gather_report,
    list_points,
    majority_of,
    styles_of,
    test_counts,
)
from pages.parts.session import enter_through_app, require_task, workbench

N_WRONG = 100


def choose_metric() -> str:
    return st.segmented_control(
        "Metric",
        list(METRICS),
        default="macro_f1",
        required=True,
        format_func=METRICS.__getitem__,
        key="results_metric",
        label_visibility="collapsed",
    )


def follow(comparison: Comparison) -> Comparison:
    """The comparison as it stands now, or as it stood when the charts were told to hold; ends polling at the end."""
    store = workbench().store
    ids = tuple(one.id for one in comparison.experiments)
    held = st.session_state.get("results_held")
    if st.session_state.get("results_hold") and held and held[0] == ids:
        return held[1]  # type: ignore[no-any-return]
    now = compare([store.experiments.get(experiment_id) for experiment_id in ids])
    st.session_state["results_held"] = (ids, now)
    is_active = any(one.state.status.is_active for one in now.experiments)
    if st.session_state.get("results_was_active") == ids and not is_active:
        st.session_state["results_was_active"] = None
        st.rerun()
    st.session_state["results_was_active"] = ids if is_active else None
    return now


def show_comparison(task: Task, comparison: Comparison, metric: str) -> None:
    """The answer in a sentence, the learning curve, and beside it what review bought. Follows a running experiment."""
    with showing_errors():
        draw_comparison(task, follow(comparison), metric)


def draw_comparison(task: Task, comparison: Comparison, metric: str) -> None:
    runs = comparison.runs
    st.subheader(escape_markdown(headline(runs, metric)), anchor=False)
    gains = review_gains(runs, comparison.arms, metric)
    points = aggregate_runs(runs, metric)
    is_narrow = gains and len({point.arm for point in points if point.n_synthetic}) <= N_DIRECT
    left, right = st.columns([5, 3], gap="medium") if is_narrow else (st.container(), st.container())
    majority = majority_of(task)
    with left:
        show_chart(
            learning_curve(points, metric, styles_of(task, comparison.numbered), majority=majority),
            key="results_curve",
            alt=f"{METRICS[metric]} by number of synthetic texts",
            rows=points_table(points),
        )
    if gains:
        with right:
            st.markdown("**What review bought**")
            show_chart(
                review_chart(gains, metric),
                key="results_review",
                alt=f"{METRICS[metric]} with raw, accepted and relabelled texts",
                rows=[
                    {
                        "source": one.source,
                        "n_synthetic": one.n_synthetic,
                        "use": use.value,
                        "mean": interval.mean,
                        "low_95": interval.low,
                        "high_95": interval.high,
                        "n_decisions": one.n_decisions,
                    }
                    for one in gains
                    for use, interval in one.uses.items()
                ],
            )
            for one in gains:
                sizes = f"{plural(one.n_synthetic, 'text')} each; {plural(one.n_decisions, 'decision')} by people"
                st.caption(escape_markdown(f"{one.source}: {sizes}."))
    show_footnote(comparison, metric, majority)


def show_footnote(comparison: Comparison, metric: str, majority: float | None) -> None:
    """How the figures were made, in a line."""
    recipe = comparison.experiments[0].config.recipe
    length = f"{recipe.epochs} epochs" if recipe.epochs else f"equal steps for every size ({recipe.steps})"
    if recipe.patience:
        length += ", stopped early by validation texts"
    if all(run.config.kind.is_instant for run in comparison.runs):
        length = "logistic regression on frozen embeddings"
    seeds = len({run.config.rng_seed for run in comparison.runs})
    parts = [f"Test split; {length}; band: 95% interval over {plural(seeds, 'RNG seed')}."]
    if seeds == 2:
        parts.append("Of two RNG seeds it is so wide that it may leave the chart.")
    if metric == "accuracy" and majority is not None:
        parts.append(f"Always the commonest label would be {format_metric('accuracy', majority)} accurate.")
    st.caption(escape_markdown(" ".join(parts)))


def show_certainty(comparison: Comparison, metric: str) -> None:
    """Each arm against its baseline, in words and as a table."""
    differences = compare_with_baseline(comparison.runs, metric)
    if not differences:
        st.caption("Train an arm beside the baseline: the comparison appears here.")
        return
    st.markdown(f"**{METRICS[metric]}**, each arm at its largest size")
    for sentence in describe_arms(comparison.runs, metric):
        st.markdown(f"- {escape_markdown(sentence)}")
    st.caption(
        "Differences are paired: the same RNG seed trains the arm and its baseline. p: paired t-test, adjusted by "
        "Holm's method over the arms, each at its largest size. The intervals are of one comparison each, unadjusted. "
        "Where a size takes all texts that an arm has, every RNG seed trains on the same ones: the luck of the draw is "
        "then not in the figures."
    )
    rows = [
        {
            "arm": one["arm"],
            "synthetic": one["n_synthetic"],
            "difference, points": 100 * float(one["mean"] or 0),
            "95% from": 100 * float(one["low_95"] or 0),
            "95% to": 100 * float(one["high_95"] or 0),
            "p (Holm, all rows)": one["p_holm"],
            "RNG seeds": one["n_rng_seeds"],
        }
        for one in differences_table(differences)
    ]
    number = st.column_config.NumberColumn(format="%+.1f", help="points")
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        key="results_differences",
        column_config={
            "difference, points": number,
            "95% from": number,
            "95% to": number,
            "p (Holm, all rows)": st.column_config.NumberColumn(format="%.4f"),
        },
    )


def show_labels_found(task: Task, comparison: Comparison) -> None:
    """Confusion matrix, per-class figures and the texts that one point of the curve gets wrong."""
    points = list_points(comparison.runs)
    if not points:
        return
    chosen = st.selectbox("Arm and size", list(points), key=f"results_point_{comparison.experiments[0].id}")
    predictions = workbench().store.trainings.predictions(points[chosen])
    if not predictions:
        st.caption("Its predictions are not stored.")
        return
    n_runs = len({one.run_id for one in predictions})
    figures = class_figures(predictions, task.labels)
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown(f"**Confusion**, {plural(n_runs, 'run')} together")
        matrix = confusion(predictions, task.labels)
        rows = [
            {"truth": truth, "predicted": predicted, "n": int(matrix[i, j])}
            for i, truth in enumerate(task.labels)
            for j, predicted in enumerate(task.labels)
        ]
        show_chart(confusion_chart(matrix, task.labels), key="results_confusion", alt="Confusion matrix", rows=rows)
    with right:
        st.markdown("**Per class**, precision, recall and F1")
        of_class = [
            {
                "label": one.label,
                "support": one.support,
                "precision": one.precision.mean,
                "recall": one.recall.mean,
                "f1": one.f1.mean,
            }
            for one in figures
        ]
        show_chart(class_chart(figures, task.labels), key="results_classes", alt="Figures per class", rows=of_class)
    wrong = wrong_texts(predictions)
    st.markdown(f"**{plural(len(wrong), 'test text')} got a wrong label** in some run, the most often wrong first")
    st.dataframe(
        pd.DataFrame(
            [
                {
                    "text": one.text,
                    "truth": one.truth,
                    "predicted": one.predicted,
                    "wrong in": 100 * one.share,
                    "confidence": one.prob,
                }
                for one in wrong[:N_WRONG]
            ],
            columns=["text", "truth", "predicted", "wrong in", "confidence"],
        ),
        hide_index=True,
        height=300,
        key="results_wrong",
        column_config={
            "text": st.column_config.TextColumn(width="large"),
            "wrong in": st.column_config.NumberColumn("wrong in, % of runs", format="%.0f"),
            "confidence": st.column_config.NumberColumn(format="%.2f"),
        },
    )


def show_steps(task: Task, comparison: Comparison) -> None:
    """The curves of chosen runs over their steps."""
    tuned = [run for run in comparison.runs if not run.config.kind.is_instant]
    if not tuned:
        st.caption("Linear probes have no steps; the others show their curves here.")
        return
    names = {run.id: name_run(run) for run in tuned}
    first = tuned[0].config.rng_seed
    chosen = st.multiselect(
        "Runs",
        list(names),
        default=[run.id for run in tuned if run.config.rng_seed == first][:4],
        format_func=names.__getitem__,
        key=f"results_runs_{comparison.experiments[0].id}",
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        metric = st.segmented_control(
            "Over steps",
            [*METRICS, "loss"],
            default="macro_f1",
            required=True,
            format_func=lambda one: METRICS.get(one, "loss"),
            key="results_step_metric",
            label_visibility="collapsed",
        )
        smoothing = st.slider("Smoothing", 0.0, 0.95, 0.0, 0.05, key="results_smoothing", width=200)
    styles, points = styles_of(task, comparison.numbered), workbench().store.trainings.points(chosen)
    shown = [run for run in tuned if run.id in chosen]
    curves = [Curve(name_run(run), f"run {run.id}", styles[run.arm].colour, points[run.id]) for run in shown]
    n_steps = max((run.config.count_steps(run.n_train) for run in shown), default=125)
    show_chart(
        step_curves(curves, metric, n_steps=n_steps, majority=majority_of(task), smoothing=smoothing),
        key="results_steps",
        alt=f"{METRICS.get(metric, metric)} over optimiser steps",
        rows=[
            {
                "run": run.id,
                "arm": run.arm,
                "step": point.step,
                "loss": point.loss,
                "accuracy": point.accuracy,
                "macro_f1": point.macro_f1,
            }
            for run in shown
            for point in points[run.id]
        ],
    )


def show_labels(task: Task, comparison: Comparison) -> None:
    """Label shares of each arm's texts, as trained on, beside the test split's."""
    store = workbench().store
    groups: dict[str, dict[str, int]] = {}
    for experiment in comparison.experiments:
        counts = store.experiments.count_arm_labels(experiment.id)
        for arm in experiment.arms:
            if arm.id in counts:
                groups[split_kind(arm.name)[0]] = counts[arm.id]
    groups["test split"] = test_counts(task)
    show_chart(
        label_shares(groups, task.labels),
        key="results_labels",
        alt="Label shares by arm and in the test split",
        rows=[{"texts": name, "label": label, "n": n} for name, group in groups.items() for label, n in group.items()],
    )
    st.caption("All texts that an arm may draw from: after its filter, before it is balanced.")


def show_disagreement(task: Task, comparison: Comparison) -> None:
    """Send what a classifier says of the synthetic texts to the review queue."""
    store = workbench().store
    ids = {run.id for run in comparison.runs}
    judges = [run for run in store.trainings.judging(task.id) if run.id in ids]
    if not judges:
        st.caption("The next experiment with synthetic texts judges them here.")
        return
    judge = st.selectbox(
        "Classifier",
        sorted(judges, key=lambda run: (run.n_synthetic, run.id)),
        format_func=name_run,
        key=f"results_judge_{comparison.experiments[0].id}",
        help="One that was trained on the seeds only has no stake in the synthetic labels",
    )
    n, n_differing = store.trainings.count_judged(judge.id)
    st.markdown(
        f"It disagrees with the label of **{n_differing:,} of {plural(n, 'synthetic text')}** that it was not "
        "trained on."
    )
    if st.button("Review these first", key="results_disagree", icon=":material/rate_review:", disabled=not n):
        st.session_state["review_order"] = f"run {judge.id}"
        st.switch_page(PAGES["review"])


def show_table(comparison: Comparison) -> None:
    """Every run of the experiments shown, failed ones with their reason; the table's own menu downloads it as CSV."""
    store = workbench().store
    runs = [run for one in comparison.experiments for run in store.experiments.runs(one.id)]
    rows = [
        {
            "run": run.id,
            "arm": run.arm,
            "synthetic": run.n_synthetic,
            "training texts": run.n_train,
            "macro-F1": run.last.macro_f1 if run.last else None,
            "accuracy": 100 * run.last.accuracy if run.last else None,
            "RNG seed": run.config.rng_seed,
            "status": run.state.status.value,
            "seconds": round(run.state.elapsed_s, 1),
            "message": run.state.message,
        }
        for run in runs
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True, key="results_table", column_config=METRIC_COLUMNS)


def offer_export(task: Task, comparison: Comparison, place: "st.delta_generator.DeltaGenerator") -> None:
    """The report as a file, and the read-only page; both of one experiment."""
    if len(comparison.experiments) != 1:
        place.caption("Choose one experiment for its report.")
        return
    experiment = comparison.experiments[0]
    place.download_button(
        "Report",
        lambda: build_report(gather_report(task, experiment)),
        f"report-experiment-{experiment.id}.html",
        "text/html",
        key="results_report",
        icon=":material/description:",
        on_click="ignore",
        help="One HTML file that opens offline, for somebody who never saw this app",
    )
    place.link_button(
        "Present",
        f"present?task={task.id}&experiment={experiment.id}",
        icon=":material/slideshow:",
        help="A read-only page in large type, with an address of its own",
    )


def show_results(task: Task, chosen: Comparison, action: "st.delta_generator.DeltaGenerator") -> None:
    """The comparison, followed live, and what stands behind it in tabs."""
    offer_export(task, chosen, action)
    is_active = any(one.state.status.is_active for one in chosen.experiments)
    with st.container(horizontal=True, vertical_alignment="center"):
        metric = choose_metric()
        if is_active:
            st.toggle("Hold the charts", key="results_hold", help="They stay as they are while the experiment goes on")
    with st.container(border=True):
        st.fragment(show_comparison, run_every=CHARTS_POLL_S if is_active else None)(task, chosen, metric)
    sections: dict[str, Callable[[], None]] = {
        "How sure": lambda: show_certainty(chosen, metric),
        "Labels found": lambda: show_labels_found(task, chosen),
        "Over steps": lambda: show_steps(task, chosen),
        "Label shares": lambda: show_labels(task, chosen),
        "Disagreement": lambda: show_disagreement(task, chosen),
        "Runs": lambda: show_table(chosen),
    }
    tabs = st.tabs(list(sections), key="results_section", on_change="rerun")  # only the open one is computed
    for tab, show in zip(tabs, sections.values(), strict=True):
        if tab.open:
            with tab, showing_errors():
                show()


enter_through_app()
task = require_task("Results")
action = page_header("Results", task_line(task))
with showing_errors():
    found = choose_comparison(task)
    if found is None:
        empty_state(
            "The comparison of classifiers with and without synthetic texts appears here after the first training run.",
            "Train",
            "train",
        )
    else:
        show_results(task, found, action)
