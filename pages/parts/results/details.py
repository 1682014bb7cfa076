"""The tabs below the answer: how sure it is, labels, curves over steps, label shares, disagreement, runs."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from augment.records import StoredPrediction, Task, TrainingRun
from augment.results.charts.counts import label_shares
from augment.results.charts.labels import class_chart, confusion_chart
from augment.results.charts.steps import Curve, step_curves
from augment.results.comparison import Point, compare_with_baseline, differences_table, list_points
from augment.results.headlines import describe_variants, explain_intervals, name_point
from augment.results.predictions import class_figures, confusion, wrong_texts
from augment.results.variants import TEST_SPLIT, VariantNames, name_run, name_variants
from augment.wording import METRICS, plural
from pages.parts.charts import show_chart
from pages.parts.formats import escape_markdown
from pages.parts.layout import METRIC_COLUMNS, PAGES
from pages.parts.results.evidence import add_predictions
from pages.parts.review.orders import judged_by
from pages.parts.review.state import open_queue
from pages.parts.session import workbench
from workbench.comparisons import (
    Comparison,
    compare,
    count_test_labels,
    count_variant_labels,
    majority_of,
    predictions_of,
)
from workbench.experiments import list_writers

N_WRONG = 100
N_CURVES = 4


def show_certainty(comparison: Comparison, metric: str) -> None:
    """Each variant against its baseline, in words and as a table."""
    comparison = add_predictions(comparison)
    differences = compare_with_baseline(comparison.runs, metric, comparison.predicted)
    if not differences:
        st.caption(
            "The comparison appears here once a variant and its baseline, the seeds only, have been trained with the "
            "same RNG seed."
        )
        return
    st.markdown(f"**{METRICS[metric]}**, each variant at its largest size")
    for sentence in describe_variants(comparison.runs, metric, comparison.names, comparison.predicted):
        st.markdown(f"- {escape_markdown(sentence)}")
    st.caption(explain_intervals(differences))
    rows = [
        {
            "variant": row["variant"],
            "synthetic": row["n_synthetic"],
            "difference, points": 100 * float(row["mean"] or 0),
            "95% from": 100 * float(row["low_95"] or 0) if difference.has_interval else None,
            "95% to": 100 * float(row["high_95"] or 0) if difference.has_interval else None,
            "adjusted p": row["p_holm"],
            "RNG seeds": row["n_rng_seeds"],
        }
        for row, difference in zip(differences_table(differences, comparison.names), differences, strict=True)
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
            "adjusted p": st.column_config.NumberColumn(
                format="%.4f",
                help="Only at a variant's largest size, and adjusted over these rows: the same p as above",
            ),
        },
    )


def show_labels_found(task: Task, comparison: Comparison) -> None:
    """Confusion matrix, figures per label and the texts that one point of the curve gets wrong."""
    comparison = add_predictions(comparison)
    points = list_points(comparison.runs, comparison.predicted)
    if not points:
        return

    def name(point: Point) -> str:
        return name_point(*point, comparison.names)

    chosen: Point = st.selectbox(
        "Variant and size",
        list(points),
        format_func=name,
        key=f"results_point_{comparison.experiments[0].id}",
    )
    predictions = predictions_of(workbench(), points[chosen])
    if not predictions:
        st.caption("These runs stored no predictions on the test split.")
        return
    _draw_labels_found(task, points[chosen], predictions)
    _list_wrong_texts(predictions)


def _draw_labels_found(task: Task, runs: Sequence[TrainingRun], predictions: Sequence[StoredPrediction]) -> None:
    matrix = confusion(predictions, task.labels)
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown(f"**Confusion matrix**, sum of {plural(len(runs), 'run')}")
        rows = [
            {"true": truth, "predicted": predicted, "n": int(matrix[i, j])}
            for i, truth in enumerate(task.labels)
            for j, predicted in enumerate(task.labels)
        ]
        figure = confusion_chart(matrix, task.labels, is_dark=st.context.theme.type == "dark")
        show_chart(figure, key="results_confusion", alt="Confusion matrix", rows=rows)
    with right:
        st.markdown("**Per label**, precision, recall and F1")
        figures = class_figures(predictions, task.labels)
        of_class = [
            {
                "label": figure.label,
                "support": figure.support,
                "precision": figure.precision.mean,
                "recall": figure.recall.mean,
                "f1": figure.f1.mean,
            }
            for figure in figures
        ]
        show_chart(class_chart(figures, task.labels), key="results_classes", alt="Figures per label", rows=of_class)


def _list_wrong_texts(predictions: Sequence[StoredPrediction]) -> None:
    wrong = wrong_texts(predictions)
    st.markdown(
        f"**{plural(len(wrong), 'test text')} got a wrong label** in at least one run, the most often wrong first"
    )
    columns = ["text", "true label", "predicted label", "wrong in", "probability"]
    rows = [
        {
            "text": text.text,
            "true label": text.truth,
            "predicted label": text.predicted,
            "wrong in": 100 * text.share,
            "probability": text.prob,
        }
        for text in wrong[:N_WRONG]
    ]
    st.dataframe(
        pd.DataFrame(rows, columns=columns),
        hide_index=True,
        height=300,
        key="results_wrong",
        column_config={
            "text": st.column_config.TextColumn(width="large"),
            "wrong in": st.column_config.NumberColumn("wrong in (% of runs)", format="%.0f"),
            "probability": st.column_config.NumberColumn("probability of the predicted label", format="%.2f"),
        },
    )


def show_steps(task: Task, comparison: Comparison) -> None:
    """The curves of chosen runs over their steps."""
    tuned = [run for run in comparison.runs if run.config.has_curve(run.n_train)]
    if not tuned:
        st.caption(
            "These runs have no curve: linear probes have no steps, and the default experiment evaluates at the last "
            "step only. Design a grid with a fine-tuned or contrastive classifier to see curves here."
        )
        return
    names = {run.id: name_run(run, comparison.names) for run in tuned}
    first = tuned[0].config.rng_seed
    chosen = st.multiselect(
        "Runs",
        list(names),
        default=[run.id for run in tuned if run.config.rng_seed == first][:N_CURVES],
        format_func=names.__getitem__,
        key=f"results_runs_{comparison.experiments[0].id}",
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        metric = st.segmented_control(
            "Over steps",
            [*METRICS, "loss"],
            default="macro_f1",
            required=True,
            format_func=lambda name: METRICS.get(name, "loss"),
            key="results_step_metric",
            label_visibility="collapsed",
        )
        smoothing = st.slider("Smoothing", 0.0, 0.95, 0.0, 0.05, key="results_smoothing", width=200)
    points = workbench().store.trainings.points(chosen)
    shown = [run for run in tuned if run.id in chosen]
    curves = [
        Curve(names[run.id], f"run {run.id}", comparison.styles[run.variant].colour, points[run.id]) for run in shown
    ]
    n_steps = max((run.config.count_steps(run.n_train) for run in shown), default=125)
    show_chart(
        step_curves(curves, metric, n_steps=n_steps, majority=majority_of(workbench(), task), smoothing=smoothing),
        key="results_steps",
        alt=f"{METRICS.get(metric, metric)} over optimiser steps",
        rows=[
            {
                "run": run.id,
                "variant": comparison.names[run.variant],
                "step": point.step,
                "loss": point.loss,
                "accuracy": point.accuracy,
                "macro_f1": point.macro_f1,
            }
            for run in shown
            for point in points[run.id]
        ],
    )


def show_label_shares(task: Task, comparison: Comparison) -> None:
    """Label shares of each variant's texts, as trained on, beside the test split's."""
    counts = count_variant_labels(workbench(), comparison)
    names = name_variants([variant.texts for variant in counts], list_writers(workbench(), task.id))
    groups = {names[variant.texts]: of_variant for variant, of_variant in counts.items()}
    groups[TEST_SPLIT] = count_test_labels(workbench(), task)
    show_chart(
        label_shares(groups, task.labels),
        key="results_labels",
        alt="Label shares by variant and in the test split",
        rows=[{"texts": name, "label": label, "n": n} for name, group in groups.items() for label, n in group.items()],
    )
    st.caption("All texts that a variant can draw from, after its filter and before labels are balanced.")


def show_disagreement(task: Task, comparison: Comparison) -> None:
    """Send what a classifier predicts for the synthetic texts to the review queue."""
    store = workbench().store
    ids = {run.id for run in comparison.runs}
    judges = [run for run in store.trainings.judging(task.id) if run.id in ids]
    if not judges:
        st.caption(
            "Nothing to compare yet. After your next experiment, you see here where its classifiers disagree with the "
            "labels of synthetic texts."
        )
        return
    by_id = {run.id: run for run in comparison.runs}
    judge = st.selectbox(
        "Classifier",
        sorted((by_id[run.id] for run in judges), key=lambda run: (run.n_synthetic, run.id)),
        format_func=lambda run: name_run(run, comparison.names),
        key=f"results_judge_{comparison.experiments[0].id}",
        help="Choose one trained on the seeds only: it has not seen the synthetic labels.",
    )
    n, n_differing = store.trainings.count_judged(judge.id)
    st.markdown(
        f"It predicts another label for **{n_differing:,} of {plural(n, 'synthetic text')}** that it was not "
        "trained on."
    )
    if st.button("Review these first", key="results_disagree", icon=":material/rate_review:", disabled=not n):
        open_queue(judged_by(judge.id))
        st.switch_page(PAGES["review"])


def show_runs(comparison: Comparison) -> None:
    """Every run of the experiments shown, failed ones with their reason; the table's own menu downloads it as CSV."""
    everything = compare(workbench(), comparison.experiments, only_finished=False)
    rows = [_to_row(run, everything.names) for run in everything.runs]
    st.dataframe(pd.DataFrame(rows), hide_index=True, key="results_table", column_config=METRIC_COLUMNS)


def _to_row(run: TrainingRun, names: VariantNames) -> dict[str, object]:
    return {
        "run": run.id,
        "variant": names[run.variant],
        "synthetic": run.n_synthetic,
        "training texts": run.n_train,
        "macro-F1": run.last.macro_f1 if run.last else None,
        "accuracy": 100 * run.last.accuracy if run.last else None,
        "RNG seed": run.config.rng_seed,
        "status": run.state.status.value,
        "seconds": round(run.state.elapsed_s, 1),
        "message": run.state.message,
    }
