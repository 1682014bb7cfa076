"""The consensus on the Review page with AppTest: card, table, order, export, and how many labels are right."""

import time

import pytest
from streamlit.testing.v1 import AppTest

from augment.records import (
    Consensus,
    ConsensusLabel,
    LabelSource,
    QueueOrder,
    ReviewAction,
    ReviewOrder,
    SourceOpinion,
    SourceWeight,
    Task,
    TextFilters,
    Verdict,
)
from pages.parts.review.orders import CONSENSUS_ORDER, SECOND_OPINION
from pages.parts.review.state import EXCHANGE, LABELS, TABLE
from storage import Store
from tests.app_test import Open, act, card, errors
from tests.pages.review.conftest import view

NAME = "[Ben](http://127.0.0.1:9) <b>"  # of a file
WEIGHTS = (
    SourceWeight(LabelSource.CLASSIFIER, 1.5),
    SourceWeight(LabelSource.WRITTEN, 0.05),
    SourceWeight(LabelSource.SCORED, 0.1),
    SourceWeight(LabelSource.FILE, 0.5, NAME),
)


def write(bench: Store, task: Task) -> list[int]:
    """Everything is 'surprise', from 0.5 for the newest text to more for older ones; returns the texts' ids."""
    texts = bench.consensus.texts(task.id)
    found = []
    for place in range(len(texts)):
        prob = 0.5 + 0.03 * (len(texts) - 1 - place)
        found.append(ConsensusLabel("surprise", ((1 - prob) / 2, (1 - prob) / 2, prob)))
    opinions = [
        (
            SourceOpinion(LabelSource.CLASSIFIER, "surprise", 0.834),
            SourceOpinion(LabelSource.WRITTEN, text.proposed_label, 0.9),
            SourceOpinion(LabelSource.SCORED, "anger", 0.41),
            SourceOpinion(LabelSource.FILE, "joy", 0.9, NAME),
        )
        for text in texts
    ]
    basis = bench.consensus.basis(task.id)
    assert basis is not None
    bench.consensus.write(task.id, basis, texts, Consensus(found, WEIGHTS, opinions, found))
    return [text.id for text in texts]


@pytest.fixture
def text_ids(bench: Store, filled: Task) -> list[int]:
    return write(bench, filled)


@pytest.fixture
def app(text_ids: list[int], open_page: Open) -> AppTest:
    return open_page("review")


def captions(app: AppTest) -> str:
    return " ".join(caption.value.replace("\\", "").replace("\u200b", "") for caption in app.caption)


# One text ------------------------------------------------------------------------------------------------------------


def test_the_card_says_who_says_what(app: AppTest, bench: Store) -> None:
    shown = card(app)
    prob = bench.consensus.of_texts([shown["id"]])[shown["id"]].prob
    written = shown["label"]
    assert shown["facts"] == [
        f"written {written} · LM 0.41 anger · {NAME} joy · classifier 0.83 surprise · consensus {prob:.2f} surprise",
        "pending · GPT-J, generation run 1",
    ]
    act(app, "label", label="joy")
    act(app, "back")
    assert card(app)["facts"][0].endswith("· decided joy")
    assert errors(app) == []


def test_the_lineage_lists_the_sources_literally(app: AppTest) -> None:
    app.session_state["review_lineage"] = True
    app.run()
    assert errors(app) == []
    assert f"{NAME} joy: labels from a file" in captions(app)
    assert "<b>" not in " ".join(caption.value.replace("\\<", "") for caption in app.caption)


def test_a_second_opinion_sees_no_consensus(app: AppTest, bench: Store, text_ids: list[int]) -> None:
    bench.reviews.decide(text_ids[0], Verdict(ReviewAction.RELABEL, "joy"), reviewer="Bob")
    app.selectbox(key="review_order").set_value(SECOND_OPINION).run()
    app.session_state["review_lineage"] = True
    app.run()
    assert card(app)["is_blind"]
    assert not any(word in str(card(app)["facts"]) for word in ("consensus", "classifier", "decided", "joy"))
    assert "labels from a file" not in captions(app)
    assert "would change" not in captions(app)


def test_the_table_has_the_consensus_and_decisions_stand(app: AppTest, bench: Store, text_ids: list[int]) -> None:
    bench.reviews.decide(text_ids[0], Verdict(ReviewAction.RELABEL, "joy"), reviewer="Bob")
    rows = view(app, TABLE).dataframe[0].value.set_index("id")
    assert errors(app) == []
    assert tuple(rows.loc[text_ids[0], ["consensus label", "consensus probability"]]) == ("joy", 1.0)
    assert tuple(rows.loc[text_ids[-1], ["consensus label", "consensus probability"]]) == ("surprise", 0.5)
    (rejected,) = set(rows.index) - set(text_ids)
    assert rows.loc[rejected, ["consensus label", "consensus probability"]].isna().all()
    app.selectbox(key="review_sort").set_value(ReviewOrder.LEAST_SURE).run()
    assert list(app.dataframe[0].value["id"])[:3] == text_ids[:-4:-1]


# The queue and the estimate ------------------------------------------------------------------------------------------


def test_the_least_sure_consensus_comes_first_unless_another_order_is_chosen(app: AppTest, text_ids: list[int]) -> None:
    assert app.selectbox(key="review_order").value == CONSENSUS_ORDER
    assert card(app)["id"] == text_ids[-1]
    assert app.query_params["order"] == "least-sure-consensus"
    app.selectbox(key="review_order").set_value(QueueOrder(ReviewOrder.DISAGREEMENT)).run()
    assert card(app)["id"] == text_ids[0]
    assert "order" not in app.query_params


def test_the_order_is_not_offered_without_a_consensus(open_page: Open, bench: Store, filled: Task) -> None:
    bench.reviews.decide_many(filled.id, TextFilters(), ReviewAction.REJECT, reviewer="Bob")  # nothing to find one for
    app = open_page("review")
    assert "least sure consensus first" not in app.selectbox(key="review_order").options
    view(app, TABLE)
    assert "least sure consensus first" not in app.selectbox(key="review_sort").options
    assert errors(app) == []


def test_the_line_below_the_progress_bar_says_how_many_are_right_and_follows_the_order(app: AppTest) -> None:
    # 11 texts of 0.50 to 0.80 lack 3.85; the 11 next decisions are all of them
    assert "With consensus, about 65% (" in captions(app)
    assert "of 11 labels are right · the next 11 decisions would change about 4 labels" in captions(app)
    app.selectbox(key="review_label").set_value("surprise").run()
    assert "the next 4 decisions would change about 1 label" in captions(app)
    assert errors(app) == []


def test_deciding_moves_the_estimate_and_the_labels_tab_explains_it(
    app: AppTest, bench: Store, text_ids: list[int]
) -> None:
    for text_id in text_ids[:4]:  # the newest consensus said 'surprise' to all
        bench.reviews.decide(text_id, Verdict(ReviewAction.RELABEL, "joy"), reviewer="Bob")
    view(app, LABELS)
    assert errors(app) == []
    (shown,) = (m.value for m in app.markdown if m.value.startswith("**With consensus, about "))
    share = int(shown.split("about ")[1].split("%")[0])
    assert 36 + 1 < share < 74  # 4 of 11 are certain; the others were stated at 0.5 to 0.68, and decisions contradict
    explained = captions(app)
    assert "4 texts decided. Without the decisions, label sources are right about 0 of them and expect 3." in explained
    assert f"classifier 1.50 · written 0.05 · LM 0.10 · {NAME} 0.50" in explained


# From start to end ---------------------------------------------------------------------------------------------------


@pytest.mark.models
def test_the_page_finds_a_consensus_while_people_review(open_page: Open, bench: Store, filled: Task) -> None:
    app = open_page("review")
    deadline = time.monotonic() + 60
    while bench.consensus.newest(filled.id) is None and time.monotonic() < deadline:
        time.sleep(0.05)
    app.run()
    assert errors(app) == []
    assert "consensus 0." in card(app)["facts"][0]
    assert "With consensus, about" in captions(app)


def test_the_export_says_that_it_has_the_consensus(app: AppTest) -> None:
    view(app, EXCHANGE)
    assert errors(app) == []
    assert "each with its label and probabilities, its consensus label, its prompt" in captions(app)
