"""How right a label source is, with hand-worked figures; and an LM's lean, taken off by its seeds."""

import math
from datetime import UTC, datetime

import pytest

from augment.labels.agreement import wilson_share
from augment.labels.source_accuracy import even_out, measure_opinions, measure_scores, measure_written
from augment.records import LabelOpinions, LabelSourceKind, RunState, RunStatus, StoredLabelSource, VariantText

LABELS = ("joy", "anger")
STATE = RunState(RunStatus.DONE, "", 0, 0, 0.0, datetime.now(UTC), None, None)
SOURCE = StoredLabelSource(1, 1, LabelSourceKind.FILE, "x", None, STATE)
DECIDED = [
    VariantText(1, "a", "joy", (0.9, 0.1), proposed_label="joy", is_decided=True),
    VariantText(2, "b", "anger", (0.6, 0.4), proposed_label="joy", is_decided=True),
    VariantText(3, "c", "anger", None, proposed_label="anger", is_decided=True),
    VariantText(4, "d", "joy", (0.5, 0.5), proposed_label="joy", is_decided=True),
]


def test_a_source_is_measured_on_decisions_and_on_seeds_and_ties_do_not_count() -> None:
    of_texts = {1: (1.0, 0.0), 2: (1.0, 0.0), 4: (0.5, 0.5), 77: (1.0, 0.0)}
    of_seeds = {5: (0.2, 0.8), 6: (0.2, 0.8), 7: (0.9, 0.1)}
    seed_labels = {5: "anger", 6: "joy", 7: "joy", 8: "joy"}
    found = measure_opinions(LABELS, LabelOpinions(SOURCE, of_seeds, of_texts), DECIDED, seed_labels)
    assert found.on_decisions == wilson_share(1, 2)
    assert found.on_seeds == wilson_share(2, 3)


def test_written_labels_and_scores_are_measured_on_decisions_only() -> None:
    assert measure_written(DECIDED).on_decisions == wilson_share(3, 4)
    scores = measure_scores(LABELS, DECIDED)
    assert scores.on_decisions == wilson_share(1, 2)  # one text has none, one has a tie
    assert scores.on_seeds.n == 0
    assert math.isnan(measure_written([]).on_decisions.share)


def test_the_lean_to_a_label_is_measured_on_seeds_and_taken_off() -> None:
    # log-odds of joy to anger: +3 for seeds of joy, +1 for those of anger: a lean of 2, whatever their numbers
    def probs(log_odds: float) -> tuple[float, float]:
        return 1 / (1 + math.exp(-log_odds)), 1 / (1 + math.exp(log_odds))

    of_seeds = {1: probs(3), 2: probs(3), 3: probs(3), 4: probs(1), 5: probs(1)}
    seed_labels = dict.fromkeys((1, 2, 3), "joy") | dict.fromkeys((4, 5), "anger")
    opinions = LabelOpinions(SOURCE, of_seeds, {1: probs(1.5), 2: probs(2.5)})
    assert measure_opinions(LABELS, opinions, [], seed_labels).on_seeds == wilson_share(3, 5)
    even = even_out(LABELS, opinions, seed_labels)
    assert even.of_texts[1] == pytest.approx(probs(-0.5))
    assert even.of_texts[2] == pytest.approx(probs(0.5))
    assert even.of_seeds[4] == pytest.approx(probs(-1.0))
    assert measure_opinions(LABELS, even, [], seed_labels).on_seeds == wilson_share(5, 5)


def test_the_lean_for_a_seed_is_measured_without_it() -> None:
    of_seeds = {1: (0.9, 0.1), 2: (0.6, 0.4), 3: (0.7, 0.3)}
    seed_labels = {1: "joy", 2: "joy", 3: "anger"}
    even = even_out(LABELS, LabelOpinions(SOURCE, of_seeds, {}), seed_labels)
    lean = (math.log(0.6 / 0.4) + math.log(0.7 / 0.3)) / 2  # of the other two
    assert math.log(even.of_seeds[1][0] / even.of_seeds[1][1]) == pytest.approx(math.log(9) - lean)


@pytest.mark.parametrize(
    "of_seeds",
    [
        {},
        {1: (0.9, 0.1)},  # no seed of anger
        {1: (1.0, 0.0), 2: (0.8, 0.2)},  # named labels
    ],
)
def test_named_labels_and_missing_seeds_leave_opinions_as_they_are(of_seeds: dict[int, tuple[float, ...]]) -> None:
    opinions = LabelOpinions(SOURCE, of_seeds, {1: (0.6, 0.4)})
    assert even_out(LABELS, opinions, {1: "joy", 2: "anger"}) == opinions
