"""Was it worth it: what review changed, who agrees with whom, and what it gained in training. A tab of Review."""

import math
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from augment.labels.agreement import name_kappa
from augment.records import Experiment, Task
from augment.results.charts.learning import review_chart
from augment.results.review_gains import ReviewGain, review_gains
from augment.results.review_impact import (
    REJECTED,
    Agreement,
    LabelOutcome,
    add_up,
    agree_in_pairs,
    agree_with_lm,
    describe_gain,
    describe_writers,
    explain_gains,
    group_outcomes,
    headline,
    outcomes_table,
    worth_chart,
)
from augment.results.variants import name_recipe
from augment.wording import METRICS, plural
from pages.parts.charts import say_shared, show_chart
from pages.parts.formats import escape_markdown
from pages.parts.layout import PAGES
from pages.parts.results.evidence import add_predictions
from pages.parts.session import workbench
from workbench.comparisons import Comparison, compare

METRIC = "macro_f1"
ROW_HEIGHT, MOST_ROWS = 35, 12  # px per row of a table; longer tables scroll


def show_worth(task: Task) -> None:
    """What people decided, how far they agree, and what that gained."""
    store = workbench().store
    writers = {run.id: run.writer.name for run in store.generations.all(task.id)}
    outcomes = group_outcomes(store.review_statistics.outcomes(task.id), writers, task.labels)
    if not add_up(outcomes).n_decided:
        _say_undecided()
        return
    st.subheader(escape_markdown(headline(outcomes)), anchor=False)
    _show_outcomes(outcomes)
    st.subheader("Who agrees with whom", anchor=False)
    _show_agreement(task)
    st.subheader("What review gained in training", anchor=False)
    _show_gains(task)


def _say_undecided() -> None:
    with st.container(border=True):
        st.space("small")
        st.markdown(
            "Nobody has reviewed a text yet. After the first decisions on **Card**, this tab shows how many proposed "
            "labels were right, how far reviewers agree, and what review gained in training.",
            text_alignment="center",
        )
        st.space("small")


# The LM's labels -----------------------------------------------------------------------------------------------------


def _show_outcomes(outcomes: Sequence[LabelOutcome]) -> None:
    """The chart, and beside or below it the precision of each writer and label."""
    writers = describe_writers(outcomes)
    decided = [outcome for outcome in outcomes if outcome.n_decided]
    if len(writers) > 1:
        st.markdown("\n".join(f"- {escape_markdown(sentence)}" for sentence in writers))
    left, right = st.columns([1, 1], gap="medium")
    with left:
        show_chart(
            worth_chart(outcomes),
            key="worth_outcomes",
            alt="What became of the texts by proposed label",
            rows=outcomes_table(outcomes),
        )
    with right:
        st.dataframe(
            pd.DataFrame(map(_to_row, decided)),
            hide_index=True,
            height=_height(len(decided)),
            key="worth_precision",
            column_config={
                "decided": st.column_config.NumberColumn(
                    "reviewed", help="Texts accepted, relabelled or rejected", width="small"
                ),
                "precision, %": st.column_config.NumberColumn(
                    format="%.0f", help="Texts accepted with the proposed label ÷ texts reviewed", width=100
                ),
                "95%": st.column_config.TextColumn(help="95% interval of the precision (Wilson)", width="small"),
            },
        )
        st.caption(
            "Precision counts reviewed texts only, including rejected ones. If the most doubtful texts are reviewed "
            "first, it is lower than it would be over all texts; in random order it is a fair estimate."
        )


def _to_row(outcome: LabelOutcome) -> dict[str, str | float]:
    share = outcome.precision
    return {
        "LM": outcome.writer,
        "proposed": outcome.label,
        "decided": share.n,
        "precision, %": 100 * share.share,
        "95%": f"{100 * share.low:.0f} to {100 * share.high:.0f}",
    }


# Agreement -----------------------------------------------------------------------------------------------------------


def _show_agreement(task: Task) -> None:
    """People against the LM, and reviewers among themselves."""
    statistics = workbench().store.review_statistics
    left, right = st.columns([1, 1], gap="medium")
    with left:
        st.markdown("**Reviewers and the language model**")
        against = agree_with_lm(statistics.count_against_lm(task.id), task.labels)
        if against:
            _show_table(against, key="worth_against_lm", has_raters=False)
            st.caption(
                "Accepted texts only, since a rejected text has no label. Reviewers saw the proposed label, which "
                "pulls their decision towards it."
            )
        else:
            st.caption("Appears once the first text is accepted.")
    with right:
        st.markdown("**Reviewers among themselves**")
        pairs = agree_in_pairs(statistics.count_pairs(task.id), task.labels)
        if pairs:
            _show_table(pairs, key="worth_pairs", has_raters=True)
            st.caption(
                "Each reviewer's last decision on a text counts, and rejecting is one of the answers. The second "
                "reviewer may have seen the first one's label."
            )
        else:
            st.caption(
                "Appears once two people have reviewed the same text, each under their own name. For that, choose the "
                "order **second opinion** on **Card**."
            )
    if against or pairs:
        st.caption(
            "κ is Cohen's kappa, the agreement beyond chance: 1 is perfect, 0 is chance, None means that both always "
            "gave one and the same label. The words for its strength are from Landis and Koch (1977), who call the "
            "limits between them arbitrary."
        )


def _show_table(rows: Sequence[Agreement], *, key: str, has_raters: bool) -> None:
    frame = pd.DataFrame(
        {
            "reviewers": f"{row.first} & {row.second}",
            "label": _name_label(row.label),
            "texts": row.n,
            "either": row.n_either,
            "both": row.n_both,
            "κ": math.nan if row.kappa is None else row.kappa,
            "strength": "" if row.kappa is None else name_kappa(row.kappa),
        }
        for row in rows
    )
    st.dataframe(
        frame if has_raters else frame.drop(columns="reviewers"),
        hide_index=True,
        height=_height(len(rows)),
        key=key,
        column_config={
            "texts": st.column_config.NumberColumn(help="Texts that both labelled"),
            "either": st.column_config.NumberColumn(help="Texts to which at least one of them gave this label"),
            "both": st.column_config.NumberColumn(
                help="Texts to which both gave this label; in the row “all labels”, to which both gave the same label"
            ),
            "κ": st.column_config.NumberColumn(format="%.2f"),
        },
    )


def _name_label(label: str | None) -> str:
    if label is None:
        return "all labels"
    return "(rejected)" if label == REJECTED else label


def _height(n_rows: int) -> int:
    return ROW_HEIGHT * (min(n_rows, MOST_ROWS) + 1) + 3


# Training ------------------------------------------------------------------------------------------------------------


def _show_gains(task: Task) -> None:
    """The same texts raw and reviewed, by the newest experiments that trained on both; else how to get there."""
    finished = workbench().store.experiments.list_finished(task.id)
    comparison, gains = _find_gains(finished)
    if comparison:
        for gain in gains:
            st.markdown(f"- {escape_markdown(describe_gain(gain, METRIC, comparison.names))}")
        say_shared(comparison.names)
        show_chart(
            review_chart(gains, METRIC, comparison.names),
            key="worth_gains",
            alt=f"{METRICS[METRIC]} with raw, accepted and relabelled texts",
            can_export=False,
        )
        st.caption(escape_markdown(_describe_figures(comparison, gains)))
        _offer("Results", "results", "Shows these figures in a table, with intervals and p")
        return
    if finished:
        st.markdown(
            "No experiment has trained on the same texts both raw and reviewed. On Train, under Labels, choose **raw** "
            "together with **relabelled**, and the difference appears here."
        )
    else:
        st.markdown(
            "No classifier has been trained yet. Train on the same texts **raw** and **relabelled**, and what review "
            "gained appears here."
        )
    _offer("Train", "train", "On the Train page, choose the labels raw and relabelled")


def _describe_figures(comparison: Comparison, gains: Sequence[ReviewGain]) -> str:
    """How the figures were made, and what their intervals cover."""
    decisions = plural(max(gain.n_decisions for gain in gains), "decision")
    recipe = name_recipe(comparison.experiments[0])
    return f"Test split, {recipe}, after {decisions}. {explain_gains(gains)}"


def _offer(name: str, page: str, hint: str) -> None:
    if st.button(name, key=f"worth_{page}", icon=":material/arrow_forward:", help=hint):
        # Without parameters of its own it clears the address, which Streamlit refuses where the tab is bound to it.
        st.switch_page(PAGES[page], query_params={})


def _find_gains(finished: Sequence[Experiment]) -> tuple[Comparison | None, list[ReviewGain]]:
    """What review gained in the newest experiments of one recipe that show it."""
    by_recipe: dict[str, list[Experiment]] = {}
    for experiment in finished:  # newest first
        by_recipe.setdefault(name_recipe(experiment), []).append(experiment)
    for experiments in by_recipe.values():
        comparison = compare(workbench(), experiments)
        if review_gains(comparison.runs, comparison.variants, METRIC):
            comparison = add_predictions(comparison)  # only where there is something to show
            return comparison, review_gains(comparison.runs, comparison.variants, METRIC, comparison.predicted)
    return None, []
