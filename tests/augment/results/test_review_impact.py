"""What review changed, as rows, sentences and a chart, and the tab that shows it."""

import math
from dataclasses import replace

import plotly.graph_objects as go
import pytest
from streamlit.testing.v1 import AppTest

from augment.records import (
    ExperimentConfig,
    ExperimentProgress,
    ExperimentRecord,
    Interval,
    LabelledText,
    MetricPoint,
    OutcomeCount,
    PairCount,
    PreparedData,
    ReviewAction,
    RunEnded,
    RunKey,
    RunKind,
    RunMeasured,
    RunStarted,
    RunStatus,
    SeedSet,
    Split,
    Task,
    TextFilters,
    TextUse,
    TrainingConfig,
    Variant,
    Verdict,
    Writer,
)
from augment.results.comparison import Difference
from augment.results.review_gains import ReviewGain, ReviewPair
from augment.results.review_impact import (
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
from augment.results.variants import name_variants
from storage import Store
from tests.app_test import Open, errors

LABELS = ("joy", "anger", "surprise")
OUTCOMES = [
    LabelOutcome("GPT-J", "joy", 10, 60, 30, 10),
    LabelOutcome("GPT-J", "anger", 0, 40, 40, 20),
    LabelOutcome("templates", "joy", 8, 0, 0, 0),
]


# Rows ----------------------------------------------------------------------------------------------------------------


def test_runs_by_the_same_writer_are_added_up_and_labels_keep_the_order_of_the_task() -> None:
    counts = [
        OutcomeCount(3, "joy", 1, 2, 3, 4),
        OutcomeCount(1, "anger", 0, 1, 0, 0),
        OutcomeCount(1, "joy", 5, 6, 7, 8),
        OutcomeCount(2, "dropped label", 1, 0, 0, 0),
        OutcomeCount(2, "surprise", 1, 0, 0, 0),
    ]
    assert group_outcomes(counts[::-1], {1: "B", 2: "A", 3: "B"}, LABELS) == [
        LabelOutcome("B", "joy", 6, 8, 10, 12),
        LabelOutcome("B", "anger", 0, 1, 0, 0),
        LabelOutcome("A", "surprise", 1, 0, 0, 0),
        LabelOutcome("A", "dropped label", 1, 0, 0, 0),
    ]
    assert group_outcomes([], {}, LABELS) == []


def test_precision_covers_decided_texts_and_counts_rejected_ones_as_wrong() -> None:
    precision = OUTCOMES[0].precision
    assert (precision.n_hits, precision.n, precision.share) == (60, 100, 0.6)
    assert (precision.low, precision.high) == pytest.approx(
        (0.5020, 0.6906), abs=5e-5
    )  # Wilson's interval, worked by hand
    assert math.isnan(OUTCOMES[2].precision.share)
    total = add_up(OUTCOMES)
    assert (total.n_waiting, total.n_kept, total.n_relabelled, total.n_rejected) == (18, 100, 70, 30)


def test_the_exported_table_leaves_out_undecided_texts() -> None:
    first, _, last = outcomes_table(OUTCOMES)
    assert first == {
        "writer": "GPT-J",
        "proposed_label": "joy",
        "n_decided": 100,
        "n_as_proposed": 60,
        "n_relabelled": 30,
        "n_rejected": 10,
        "n_waiting": 10,
        "precision": 0.6,
        "low_95": OUTCOMES[0].precision.low,
        "high_95": OUTCOMES[0].precision.high,
    }
    assert (last["n_decided"], last["precision"], last["low_95"], last["high_95"]) == (0, None, None, None)


# Words ---------------------------------------------------------------------------------------------------------------


def test_the_headline_summarises_the_decided_texts() -> None:
    assert headline(OUTCOMES) == (
        "200 texts reviewed: 50% kept the proposed label (95% interval 43 to 57%), 35% were relabelled, 15% rejected"
    )
    assert headline([LabelOutcome("a", "joy", 5, 1, 0, 0)]).startswith("1 text reviewed: 100% kept")
    assert headline(OUTCOMES[2:]) == headline([]) == "No text has been reviewed yet"


def test_each_writer_with_decisions_has_a_sentence() -> None:
    more = [*OUTCOMES, LabelOutcome("Neo", "joy", 0, 0, 1, 3)]
    assert describe_writers(more) == [
        "GPT-J: 50% of 200 texts kept the proposed label (95% interval 43 to 57%)",
        "Neo: 0% of 4 texts kept the proposed label (95% interval 0 to 49%)",
    ]


RAW, ACCEPTED = Variant(TextUse.RAW, (1,)), Variant(TextUse.ACCEPTED, (1,))
NAMES = name_variants([RAW, ACCEPTED], {1: Writer("GPT-J")})


def gain(raw: float, *, size: int = 200, has_same_texts: bool = False, **means: float) -> ReviewGain:
    def around(mean: float) -> Interval:
        return Interval(mean, mean - 0.04, mean + 0.04, 5)

    difference = Difference(ACCEPTED, size, Interval(0.1, 0.05, 0.15, 5), 0.004, 0.004)
    pairs = [
        ReviewPair(TextUse(use), size, around(raw), around(mean), difference, has_same_texts)
        for use, mean in means.items()
    ]
    return ReviewGain(RAW, 57, pairs)


def test_the_gain_of_review_is_stated_with_its_evidence() -> None:
    figures = gain(raw=0.5, accepted=0.6)
    assert describe_gain(figures, "macro_f1", NAMES) == (
        "GPT-J, 200 texts each: macro-F1 0.50 raw, 0.60 accepted. Accepted is better than raw, +10.0 points of "
        "macro-F1 (95% interval +5.0 to +15.0, adjusted p\u00a00.004, 5 RNG seeds)."
    )
    single = Difference(ACCEPTED, 200, Interval(0.1, 0.1, 0.1, 1), None, None)
    untested = replace(figures, pairs=[replace(figures.pairs[0], over_raw=single)])
    assert describe_gain(untested, "accuracy", NAMES) == (
        "GPT-J, 200 texts each: accuracy 50.0% raw, 60.0% accepted. Accepted is not tested against "
        "raw, +10.0 points of accuracy (one RNG seed does not rule out chance)."
    )


def test_each_size_is_named_and_only_texts_that_are_the_same_are_called_so() -> None:
    large, small = gain(raw=0.51, relabelled=0.65, size=50, has_same_texts=True), gain(raw=0.48, reviewed=0.63, size=10)
    sentence = describe_gain(replace(large, pairs=[*small.pairs, *large.pairs]), "macro_f1", NAMES)
    assert sentence.startswith("GPT-J, 50 texts each (the same texts): macro-F1 0.51 raw, 0.65 relabelled. Relabelled ")
    assert " 10 texts each: macro-F1 0.48 raw, 0.63 reviewed. Reviewed is better than raw" in sentence


def test_what_the_intervals_of_a_gain_cover_is_said_as_it_is() -> None:
    found = gain(raw=0.5, accepted=0.6)
    over_raw = Difference(Variant(TextUse.ACCEPTED, (1,)), 50, Interval(0.1, 0.0, 0.2, 3), 0.01, 0.01)
    whiskers = "Whiskers on the chart are 95% intervals of each score over RNG seeds."

    def explain(*differences: Difference | None) -> str:
        pairs = [replace(found.pairs[0], over_raw=difference) for difference in differences]
        return explain_gains([replace(found, pairs=pairs)]).removeprefix(whiskers)

    by_texts, single = replace(over_raw, n_texts=90), Interval(0.1, 0.0, 0.2, 1)
    assert explain(None) == ""
    assert explain(over_raw) == " The intervals and p of differences are from a paired t-test over RNG seeds."
    assert explain(by_texts, replace(over_raw, interval=single)) == (
        " The intervals and p of differences are from a bootstrap over test texts and RNG seeds."
    )
    assert explain(replace(by_texts, interval=single)).endswith("a bootstrap over test texts.")
    assert explain(by_texts, over_raw).endswith(
        "a bootstrap over test texts and RNG seeds or a paired t-test over RNG seeds, where runs stored no predictions."
    )


# Agreement -----------------------------------------------------------------------------------------------------------


def test_people_are_compared_with_the_lm_over_all_labels_and_per_label() -> None:
    counts = {("joy", "joy"): 20, ("joy", "anger"): 5, ("anger", "joy"): 10, ("anger", "anger"): 15}
    rows = agree_with_lm(counts, LABELS)
    assert [(row.label, row.n, row.n_either, row.n_both) for row in rows] == [
        (None, 50, 50, 35),
        ("joy", 50, 35, 20),
        ("anger", 50, 30, 15),
    ]
    assert [row.kappa for row in rows] == [pytest.approx(0.4)] * 3  # two labels: one question
    assert {(row.first, row.second) for row in rows} == {("LM", "people")}
    assert agree_with_lm({}, LABELS) == []


def test_reviewers_are_compared_in_pairs_and_a_rejection_is_an_answer() -> None:
    pairs = [
        PairCount("a", "c", "joy", "joy", 1),
        PairCount("a", "b", "joy", "joy", 4),
        PairCount("a", "b", "", "", 3),
        PairCount("a", "b", "", "joy", 1),
        PairCount("a", "b", "surprise", "joy", 2),
    ]
    rows = agree_in_pairs(pairs, LABELS)
    assert [(row.first, row.second, row.label, row.n, row.n_either, row.n_both) for row in rows] == [
        ("a", "b", None, 10, 10, 7),  # most texts first
        ("a", "b", "joy", 10, 7, 4),
        ("a", "b", "surprise", 10, 2, 0),
        ("a", "b", "", 10, 4, 3),
        ("a", "c", None, 1, 1, 1),
        ("a", "c", "joy", 1, 1, 1),
    ]
    # Rejecting: 3 both, 6 neither of 10: 0.9; by chance 0.4 · 0.3 + 0.6 · 0.7 = 0.54; (0.9 − 0.54) / 0.46
    assert rows[3].kappa == pytest.approx(0.36 / 0.46)
    assert rows[4] == Agreement("a", "c", None, 1, 1, 1, None)


# Chart ---------------------------------------------------------------------------------------------------------------


def bars(figure: go.Figure) -> dict[str, dict[int, int]]:
    return {trace.name: dict(zip(trace.y, trace.x, strict=True)) for trace in figure.data}


def test_the_chart_stacks_the_outcomes_of_each_writer_s_labels() -> None:
    figure = worth_chart(OUTCOMES)
    assert figure.layout.yaxis.ticktext == ("<b>GPT-J</b>", "joy", "anger", "<b>templates</b>", "joy")
    assert bars(figure) == {
        "as proposed": {1: 60, 2: 40, 4: 0},
        "relabelled": {1: 30, 2: 40, 4: 0},
        "rejected": {1: 10, 2: 20, 4: 0},
        "waiting": {1: 10, 2: 0, 4: 8},
    }
    assert figure.layout.barmode == "stack"
    assert tuple(figure.layout.yaxis.range) == (4.5, -0.5)
    assert figure.data[0].text[:2] == ("60", "40")
    assert figure.data[0].customdata[0][2] == ", 60% of 100 decided"
    assert [trace.visible for trace in figure.data] == [True] * 4
    assert len({trace.marker.color for trace in figure.data}) == 4


def test_many_undecided_texts_are_hidden_until_the_user_shows_them() -> None:
    crowd = [*OUTCOMES, LabelOutcome("templates", "anger", 10_000, 0, 0, 0)]
    assert [trace.visible for trace in worth_chart(crowd).data] == [True, True, True, "legendonly"]
    assert worth_chart(crowd).data[0].text[0] == "60"  # still enough room for the number


def test_the_height_of_the_chart_depends_only_on_its_rows() -> None:
    later = [replace(outcome, n_kept=outcome.n_kept + 500) for outcome in OUTCOMES]
    assert worth_chart(OUTCOMES).layout.height == worth_chart(later).layout.height
    assert worth_chart(OUTCOMES[:1]).layout.height < worth_chart(OUTCOMES).layout.height


def test_names_from_data_are_not_read_as_html() -> None:
    drawn = str(worth_chart([LabelOutcome("<b>x</b>", "<i>y</i>", 1, 1, 1, 1)]).to_dict())
    assert "&lt;b&gt;x&lt;/b&gt;" in drawn
    assert "<b>x" not in drawn
    assert "<i>" not in drawn


# The tab -------------------------------------------------------------------------------------------------------------


def show_tab() -> None:
    from pages.parts.review.impact import show_worth
    from pages.parts.session import current_task

    task = current_task()
    assert task is not None
    show_worth(task)


def open_tab() -> AppTest:
    app = AppTest.from_function(show_tab, default_timeout=30).run()
    assert errors(app) == []
    return app


def said(app: AppTest) -> str:
    """All text of the tab, without Markdown escapes."""
    parts = [element.value for element in [*app.subheader, *app.markdown, *app.caption]]
    return "\n".join(parts).replace("\\", "").replace("\u200b", "")


@pytest.fixture
def imported(bench: Store, starter: PreparedData) -> Task:
    task = bench.tasks.create(starter)
    for name in ("**GPT-J**", "![x](http://127.0.0.1:9/x)"):
        rows = [LabelledText(f"{name} text {i}", LABELS[i % 3]) for i in range(12)]
        bench.generations.import_texts(task.id, name, rows)
    return task


def test_before_the_first_decision_the_tab_explains_what_it_will_show(bench: Store, imported: Task) -> None:
    app = open_tab()
    assert "Nobody has reviewed a text yet" in said(app)
    assert not app.get("plotly_chart")
    assert not app.dataframe


def test_the_tab_shows_outcomes_and_agreement_and_leads_to_train(bench: Store, imported: Task) -> None:
    bench.reviews.decide_many(
        imported.id, TextFilters(run_id=1, proposed_label="joy"), ReviewAction.ACCEPT, reviewer="a"
    )
    of_surprise = TextFilters(run_id=1, proposed_label="surprise")
    bench.reviews.decide_many(imported.id, of_surprise, Verdict(ReviewAction.RELABEL, "anger"), reviewer="b")
    bench.reviews.decide(1, ReviewAction.REJECT, reviewer="b")
    app = open_tab()
    words = said(app)
    assert "8 texts reviewed: 38% kept the proposed label (95% interval 14 to 69%), 50% were relabelled" in words
    assert "No classifier has been trained yet" in words
    assert [widget.label for widget in app.button if widget.key == "worth_train"] == ["Train"]
    precision, against, reviewers = (table.value for table in app.dataframe)
    assert precision["LM"].tolist() == ["**GPT-J**"] * 2  # no precision where nothing was decided
    assert precision["decided"].tolist() == [4, 4]
    assert precision["precision, %"].tolist() == [75.0, 0.0]
    assert against[["label", "either", "both"]].values.tolist() == [
        ["all labels", 7, 3],
        ["joy", 3, 3],
        ["anger", 4, 0],
        ["surprise", 4, 0],
    ]
    assert reviewers["reviewers"].tolist() == ["a & b"] * 3
    assert reviewers["label"].tolist() == ["all labels", "joy", "(rejected)"]


def test_names_from_data_are_not_read_as_markdown(bench: Store, imported: Task) -> None:
    for text_id in (1, 13):
        bench.reviews.decide(text_id, ReviewAction.ACCEPT, reviewer="*a*")
        bench.reviews.decide(text_id, ReviewAction.ACCEPT, reviewer="[b](http://127.0.0.1:9)")
    app = open_tab()
    shown = [element.value for element in [*app.markdown, *app.caption, *app.subheader]]
    assert any("GPT\\-J" in text for text in shown)  # one sentence per writer
    assert not any("![x]" in text or "**GPT" in text or "[b](" in text for text in shown)


def train(store: Store, task: Task, seed_set: SeedSet, *uses: TextUse, first: float = 0.4) -> None:
    """An experiment with one variant per use and two RNG seeds; each variant is 0.2 better than the previous one."""
    variants = tuple(Variant(use, (1,)) for use in uses)
    config = ExperimentConfig(seed_set.id, TrainingConfig(task.labels), variants, sizes=(4,), rng_seeds=(0, 1))
    made = store.experiments.create(task.id, "", config)
    for run in store.experiments.runs(made.id):
        place = next((i for i, variant in enumerate(made.variants) if variant.id == run.variant_id), -1)
        score = first + 0.2 * place + 0.01 * run.config.rng_seed
        records: list[ExperimentRecord] = [
            RunStarted(run.id, run.n_train, ()),
            RunMeasured(run.id, MetricPoint(125, 0.1, 0.9, score, score)),
            RunEnded(run.id, RunStatus.DONE, "", 8.0, 125),
        ]
        store.experiments.write(made.id, records, ExperimentProgress(1, 1, 8.0))
    store.runs.finish(RunKey(RunKind.EXPERIMENT, made.id), RunStatus.DONE, "")


def test_the_tab_compares_raw_with_reviewed_texts_even_across_two_experiments(bench: Store, imported: Task) -> None:
    pool = bench.tasks.examples(imported.id, Split.POOL)
    seed_set = bench.tasks.create_seed_set(imported.id, "6 seeds", pool[:6])
    bench.reviews.decide_many(imported.id, TextFilters(run_id=1), ReviewAction.ACCEPT, reviewer="a")
    train(bench, imported, seed_set, TextUse.RAW)
    app = open_tab()
    assert "No experiment has trained on the same texts both raw and reviewed" in said(app)
    assert [widget.key for widget in app.button] == ["worth_train"]

    train(bench, imported, seed_set, TextUse.RELABELLED, first=0.6)
    app = open_tab()
    assert "**GPT-J**, 4 texts each: macro-F1 0.41 raw" in said(app)
    assert "after 12 decisions" in said(app)
    assert len(app.get("plotly_chart")) == 2
    assert [widget.key for widget in app.button] == ["worth_results"]


@pytest.mark.parametrize("page", ["train", "results"])
def test_the_button_opens_the_train_page_although_the_tab_is_in_the_address(
    bench: Store, imported: Task, open_page: Open, page: str
) -> None:
    bench.reviews.decide_many(imported.id, TextFilters(run_id=1), ReviewAction.ACCEPT, reviewer="a")
    seed_set = bench.tasks.create_seed_set(imported.id, "6 seeds", bench.tasks.examples(imported.id, Split.POOL)[:6])
    if page == "results":
        train(bench, imported, seed_set, TextUse.RAW, TextUse.RELABELLED)
    app = open_page("review")
    app.session_state["reviewer_name"] = "a"
    app.session_state["review_view"] = "Was it worth it"
    app.run()
    assert errors(app) == []
    app.button(key=f"worth_{page}").click().run()
    assert errors(app) == []
    assert [title.value for title in app.title] == [page.capitalize()]
