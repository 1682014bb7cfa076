"""Consensus labels on small made-up embeddings: each label has a direction, a text is near the one of its label."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from augment.labels.consensus import NAMED_PROB, USUAL_POWERS, LabelEvidence, find_consensus, fit_powers
from augment.records import (
    Consensus,
    LabelledText,
    LabelOpinions,
    LabelSource,
    LabelSourceKind,
    RunState,
    RunStatus,
    StoredLabelSource,
    VariantText,
)

LABELS = ("joy", "anger", "fear/worry_{x}")


class World:
    """Seeds and texts with their embeddings, (8,); `scatter` is how far they are from their label's direction."""

    def __init__(self, n_seeds: int = 5, *, scatter: float = 0.2) -> None:
        self.rng, self.scatter = np.random.default_rng(0), scatter
        self.vectors: dict[str, NDArray[np.float32]] = {}
        self.seeds = [
            LabelledText(self.add(f"seed {i}", place), LABELS[place]) for i in range(n_seeds) for place in range(3)
        ]
        self.evidence = LabelEvidence(LABELS, self.seeds)

    def add(self, name: str, place: int) -> str:
        vector = np.eye(8)[place] + self.scatter * self.rng.normal(size=8)
        text = f"{name} {place}"
        self.vectors[text] = (vector / np.linalg.norm(vector)).astype(np.float32)
        return text

    def write(self, n: int, *, is_written_right: bool, is_scored_right: bool | None) -> list[VariantText]:
        """Texts of each label in turn; a label that is not right is random, and None stands for no LM scores."""
        texts = []
        for i in range(n):
            written = LABELS[i % 3 if is_written_right else self.rng.integers(3)]
            likeliest = i % 3 if is_scored_right else int(self.rng.integers(3))
            probs = None if is_scored_right is None else tuple(0.9 if p == likeliest else 0.05 for p in range(3))
            texts.append(VariantText(i, self.add(f"text {i}", i % 3), written, None, written, lm_probs=probs))
        return texts


def powers_of(consensus: Consensus) -> dict[LabelSource, float]:
    return {weight.source: weight.exponent for weight in consensus.weights}


def share_of_written(consensus: Consensus) -> float:
    """The probability of the written label if there are two labels and no other source prefers one."""
    power = powers_of(consensus)[LabelSource.WRITTEN]
    odds: float = (NAMED_PROB / (1 - NAMED_PROB)) ** power
    return odds / (1 + odds)


def on_axes(**axes: Sequence[float]) -> dict[str, NDArray[np.float32]]:
    """The embedding of each named text."""
    return {name: np.array(vector, dtype=np.float32) for name, vector in axes.items()}


def written(text: str, label: str, *, decided: str = "") -> VariantText:
    return VariantText(0, text, decided or label, None, label, is_decided=bool(decided))


def decide(texts: Sequence[VariantText], n: int) -> list[VariantText]:
    """A person decided the first `n`, rightly."""
    return [replace(text, label=LABELS[i % 3], is_decided=i < n) for i, text in enumerate(texts)]


def ask(kind: LabelSourceKind, of_texts: dict[int, str], of_seeds: dict[int, tuple[float, ...]]) -> LabelOpinions:
    """A stored source that names a label for texts, by their ids, and gives probabilities for seeds."""
    state = RunState(RunStatus.DONE, "", 1, 1, 0.0, datetime.now(UTC), None, None)
    named = {id_: tuple(float(label == name) for name in LABELS) for id_, label in of_texts.items()}
    return LabelOpinions(StoredLabelSource(1, 1, kind, "other", None, state), of_seeds, named)


# Sources -------------------------------------------------------------------------------------------------------------


def test_by_decisions_a_source_that_is_always_right_counts_more_than_one_that_is_random() -> None:
    for is_written_right in (True, False):
        world = World(scatter=0.8)
        texts = world.write(60, is_written_right=is_written_right, is_scored_right=not is_written_right)
        powers = powers_of(find_consensus(world.evidence, decide(texts, 60), world.vectors))
        right, random = (LabelSource.WRITTEN, LabelSource.SCORED)[:: 1 if is_written_right else -1]
        assert powers[right] > 5 * USUAL_POWERS[right]
        assert powers[random] < USUAL_POWERS[random]


def test_without_decisions_what_came_with_the_texts_counts_as_usual() -> None:
    for is_right in (True, False):
        world = World()
        texts = world.write(60, is_written_right=is_right, is_scored_right=is_right)
        powers = powers_of(find_consensus(world.evidence, texts, world.vectors))
        for source in (LabelSource.WRITTEN, LabelSource.SCORED):
            assert powers[source] == pytest.approx(USUAL_POWERS[source], rel=1e-3)


def test_a_language_model_that_knows_the_seeds_labels_counts_more_than_one_that_does_not() -> None:
    world = World(10, scatter=0.8)
    texts = world.write(9, is_written_right=False, is_scored_right=None)
    ids = range(len(world.seeds))

    def power(knows: bool) -> float:
        said = {
            i: tuple(0.8 if place == (i + (not knows) * (1 + i // 3 % 2)) % 3 else 0.1 for place in range(3))
            for i in ids
        }
        opinions = ask(LabelSourceKind.LM, {text.id: LABELS[0] for text in texts}, said)
        evidence = replace(world.evidence, opinions=[opinions], seed_ids=tuple(ids))
        return powers_of(find_consensus(evidence, texts, world.vectors))[LabelSource.LM]

    assert power(knows=True) > USUAL_POWERS[LabelSource.LM] > power(knows=False)


def test_labels_from_a_file_change_texts_that_the_classifier_is_unsure_of() -> None:
    # x is equally far from both seeds, and without other sources half A and half B.
    vectors = on_axes(a=(1, 0, 0), b=(0, 1, 0), x=(0, 0, 1))
    seeds = [LabelledText("a", "joy"), LabelledText("b", "anger")]
    for label in ("joy", "anger"):
        opinions = replace(
            ask(LabelSourceKind.FILE, {}, {}), of_texts={0: tuple(float(label == n) for n in ("joy", "anger"))}
        )
        evidence = LabelEvidence(("joy", "anger"), seeds, (), [opinions], (5, 6))
        found = find_consensus(evidence, [written("x", "anger")], vectors)
        assert found.labels[0].label == label
        assert found.weights[-1].name == "other"


def test_a_text_that_a_source_says_nothing_about_is_as_without_it() -> None:
    world = World()
    texts = world.write(6, is_written_right=True, is_scored_right=None)
    opinions = ask(LabelSourceKind.FILE, {0: LABELS[2]}, {})
    ids = tuple(range(len(world.seeds)))
    with_file = find_consensus(replace(world.evidence, opinions=[opinions], seed_ids=ids), texts, world.vectors)
    without = find_consensus(world.evidence, texts, world.vectors)
    assert with_file.labels[0] != without.labels[0]
    for one, other in zip(with_file.labels[1:], without.labels[1:], strict=True):
        assert one.probs == pytest.approx(other.probs)


def test_the_consensus_corrects_wrong_labels_where_the_classifier_is_sure() -> None:
    world = World()
    texts = world.write(60, is_written_right=False, is_scored_right=None)
    found = find_consensus(world.evidence, texts, world.vectors)
    assert [label.label for label in found.labels] == [LABELS[i % 3] for i in range(60)]


def test_the_distributions_are_multiplied_each_raised_to_its_power() -> None:
    # By symmetry the classifier gives half a text that is equally far from both seeds: only the written label counts.
    vectors = on_axes(a=(1, 0, 0), b=(0, 1, 0), x=(0, 0, 1))
    evidence = LabelEvidence(("A", "B"), [LabelledText("a", "A"), LabelledText("b", "B")])
    found = find_consensus(evidence, [written("x", "B")], vectors)
    assert found.labels[0].label == "B"
    assert found.labels[0].probs[1] == pytest.approx(share_of_written(found), abs=1e-4)


def test_without_lm_scores_only_the_written_label_and_the_classifier_count() -> None:
    world = World()
    texts = world.write(12, is_written_right=True, is_scored_right=None)
    assert set(powers_of(find_consensus(world.evidence, texts, world.vectors))) == {
        LabelSource.CLASSIFIER,
        LabelSource.WRITTEN,
    }


def test_a_text_without_lm_scores_equals_one_whose_scores_are_uniform() -> None:
    world = World()
    texts = world.write(30, is_written_right=True, is_scored_right=True)
    without, uniform = (
        find_consensus(world.evidence, [replace(texts[0], lm_probs=probs), *texts[1:]], world.vectors)
        for probs in (None, (1 / 3, 1 / 3, 1 / 3))
    )
    assert without == uniform
    assert without.labels[0].probs != find_consensus(world.evidence, texts, world.vectors).labels[0].probs


def test_an_lm_score_of_0_rules_no_label_out() -> None:
    world = World()
    texts = world.write(30, is_written_right=True, is_scored_right=False)
    texts = [replace(text, lm_probs=tuple(float(label == LABELS[0]) for label in LABELS)) for text in texts]
    found = find_consensus(world.evidence, texts, world.vectors)
    assert [label.label for label in found.labels] == [LABELS[i % 3] for i in range(30)]


# What each source says --------------------------------------------------------------------------------------------


def said_by(consensus: Consensus, place: int) -> dict[LabelSource, tuple[str, float]]:
    return {opinion.source: (opinion.label, opinion.prob) for opinion in consensus.opinions[place]}


def test_each_source_says_its_likeliest_label_and_one_without_an_opinion_says_nothing() -> None:
    # x is equally far from both seeds, so the classifier prefers no label of it; y is beside the seed of A.
    vectors = on_axes(a=(1, 0, 0), b=(0, 1, 0), x=(0, 0, 1), y=(0.96, 0, 0.28))
    seeds = [LabelledText("a", "A"), LabelledText("b", "B")]
    opinions = replace(ask(LabelSourceKind.FILE, {}, {}), of_texts={7: (0.0, 1.0)})
    evidence = LabelEvidence(("A", "B"), seeds, (), [opinions], (5, 6))
    x = replace(written("x", "B"), lm_probs=(0.3, 0.7))
    y = replace(written("y", "B"), id=7, lm_probs=(0.5, 0.5))
    found = find_consensus(evidence, [x, y], vectors)
    assert said_by(found, 0) == {
        LabelSource.WRITTEN: ("B", pytest.approx(NAMED_PROB)),
        LabelSource.SCORED: ("B", pytest.approx(0.7)),
    }
    of_y = said_by(found, 1)
    assert set(of_y) == {LabelSource.CLASSIFIER, LabelSource.WRITTEN, LabelSource.FILE}
    assert of_y[LabelSource.CLASSIFIER][0] == "A"
    assert 0.5 < of_y[LabelSource.CLASSIFIER][1] < 1
    assert of_y[LabelSource.FILE] == ("B", pytest.approx(NAMED_PROB))
    assert [opinion.name for opinion in found.opinions[1]] == ["", "", "other"]


def test_what_is_expected_of_a_decided_text_does_not_know_its_decision() -> None:
    world = World()
    texts = decide(world.write(30, is_written_right=True, is_scored_right=None), 30)
    wrong = replace(texts[0], label=LABELS[2])  # everything else says LABELS[0]
    found = find_consensus(world.evidence, [wrong, *texts[1:]], world.vectors)
    assert (found.labels[0].label, found.labels[0].probs) == (LABELS[2], (0, 0, 1))
    assert found.undecided[0].label == LABELS[0]
    assert said_by(found, 0)[LabelSource.CLASSIFIER][0] == LABELS[0]


def test_of_texts_that_nobody_decided_the_consensus_is_what_is_expected() -> None:
    world = World()
    texts = decide(world.write(12, is_written_right=True, is_scored_right=None), 3)
    found = find_consensus(world.evidence, texts, world.vectors)
    assert found.labels[3:] == found.undecided[3:]
    assert found.labels[:3] != found.undecided[:3]


def test_a_classifier_that_cannot_be_asked_without_the_decision_says_nothing_of_that_text() -> None:
    # B has one text only, so there is no second fold in which it would be left out.
    vectors = on_axes(a=(1, 0), b=(0, 1), x=(0.9, 0.44))
    evidence = LabelEvidence(("A", "B"), [LabelledText("a", "A"), LabelledText("b", "B")])
    (opinions,) = find_consensus(evidence, [written("x", "A", decided="A")], vectors).opinions
    assert [opinion.source for opinion in opinions] == [LabelSource.WRITTEN]


# People --------------------------------------------------------------------------------------------------------------


def test_a_decided_text_stands_as_decided_against_all_other_sources() -> None:
    world = World()
    texts = world.write(30, is_written_right=True, is_scored_right=True)
    texts[0] = replace(texts[0], label=LABELS[2], is_decided=True)
    first, second, *_ = find_consensus(world.evidence, texts, world.vectors).labels
    assert (first.label, first.probs) == (LABELS[2], (0, 0, 1))
    assert second.label == LABELS[1]


def test_a_decided_text_pulls_similar_texts_to_its_label_and_no_others() -> None:
    # x and near_x lie where no seed does; y is beside the seed of A. The decision agrees with x's written label.
    vectors = on_axes(a=(1, 0, 0, 0), b=(0, 1, 0, 0), x=(0, 0, 1, 0), near_x=(0, 0, 0.96, 0.28), y=(0.96, 0, 0, 0.28))
    evidence = LabelEvidence(("A", "B"), [LabelledText("a", "A"), LabelledText("b", "B")] * 4)

    def ask(decided: str) -> list[float]:
        texts = [written("x", "B", decided=decided), written("near_x", "A"), written("y", "A")]
        return [label.probs[1] for label in find_consensus(evidence, texts, vectors).labels]

    assert ask("B")[1] > ask("")[1] + 0.1
    assert ask("B")[2] - ask("")[2] < 0.5 * (ask("B")[1] - ask("")[1])


def test_decisions_set_the_power_of_a_source_that_the_classifier_cannot_judge() -> None:
    vectors = on_axes(a=(1, 0, 0), b=(0, 1, 0)) | {f"x{i}": np.array([0, 0, 1], dtype=np.float32) for i in range(20)}
    evidence = LabelEvidence(("A", "B"), [LabelledText("a", "A"), LabelledText("b", "B")])

    def power_if(decided: Sequence[str]) -> float:
        texts = [written(f"x{i}", "AB"[i % 2], decided=label) for i, label in enumerate(decided)]
        return powers_of(find_consensus(evidence, texts, vectors))[LabelSource.WRITTEN]

    usual = USUAL_POWERS[LabelSource.WRITTEN]
    assert power_if("AB" * 10) > 5 * usual > usual > power_if("BA" * 10)
    assert power_if([""] * 20) == pytest.approx(usual)


# Seeds and sentences -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_seeds", [1, 2, 7])
def test_any_number_of_seeds_per_label_will_do(n_seeds: int) -> None:
    world = World(n_seeds, scatter=0.05)
    texts = world.write(9, is_written_right=True, is_scored_right=None)
    found = find_consensus(world.evidence, texts, world.vectors)
    assert [label.label for label in found.labels] == [LABELS[i % 3] for i in range(9)]


def test_one_label_may_have_fewer_seeds_than_the_others() -> None:
    world = World(scatter=0.05)
    seeds = [seed for seed in world.seeds if seed.label != LABELS[0]] + world.seeds[:1]
    texts = world.write(9, is_written_right=True, is_scored_right=None)
    found = find_consensus(LabelEvidence(LABELS, seeds), texts, world.vectors)
    assert [label.label for label in found.labels] == [LABELS[i % 3] for i in range(9)]


def test_label_sentences_say_what_seeds_do_not() -> None:
    vectors = on_axes(a=(1, 0, 0), b=(0, 1, 0), x=(0, 0.1, 0.995), sentence_a=(0, 0, 1), sentence_b=(0, 1, 0))
    seeds = [LabelledText("a", "A"), LabelledText("b", "B")]
    sentences = [LabelledText("sentence_a", "A"), LabelledText("sentence_b", "B")]
    alone, helped = (
        find_consensus(LabelEvidence(("A", "B"), seeds, given), [written("x", "B")], vectors).labels[0]
        for given in ((), sentences)
    )
    assert alone.label == "B"
    assert helped.probs[0] > alone.probs[0] + 0.1


def test_many_sentences_count_no_more_than_few() -> None:
    world = World()
    texts = world.write(9, is_written_right=False, is_scored_right=None)
    sentences = [LabelledText(world.add("sentence", place), LABELS[place]) for place in range(3)]
    few, many = (
        find_consensus(LabelEvidence(LABELS, world.seeds, given), texts, world.vectors)
        for given in (sentences, sentences[:1] * 40 + sentences[1:] * 2)
    )
    for one, other in zip(few.labels, many.labels, strict=True):
        assert one.probs == pytest.approx(other.probs, abs=1e-3)


def test_all_sentences_together_count_twice_as_much_as_all_seeds() -> None:
    # Sentences contradict seeds word for word; two sets of them weigh the same as two sets of seeds.
    vectors = on_axes(a=(1, 0), b=(0, 1))
    seeds = [LabelledText("a", "A"), LabelledText("b", "B")]
    against = [LabelledText("a", "B"), LabelledText("b", "A")]
    once = [find_consensus(LabelEvidence(("A", "B"), seeds, against * n), [written("a", "A")], vectors) for n in (1, 6)]
    assert once[0].labels[0].probs == pytest.approx(once[1].labels[0].probs, abs=1e-3)
    assert once[0].labels[0].label == "B"
    agreeing = [*against, *seeds]  # half of the sentences for each: the seeds decide
    found = find_consensus(LabelEvidence(("A", "B"), seeds, agreeing), [written("a", "A")], vectors)
    assert found.labels[0].label == "A"


def test_the_same_input_gives_the_same_consensus_and_no_texts_give_none() -> None:
    first, second = World(), World()
    texts = first.write(20, is_written_right=False, is_scored_right=True)
    assert texts == second.write(20, is_written_right=False, is_scored_right=True)
    found = find_consensus(first.evidence, texts, first.vectors)
    assert found == find_consensus(second.evidence, texts, second.vectors)
    assert all(sum(label.probs) == pytest.approx(1) for label in found.labels)
    assert all(label.probs[LABELS.index(label.label)] == max(label.probs) for label in found.labels)
    assert find_consensus(first.evidence, [], first.vectors) == Consensus((), ())
    assert found.weights[0].source is LabelSource.CLASSIFIER


# Fitted powers -------------------------------------------------------------------------------------------------------


def fit_one_power(share_right: float, n: int, *, usual: float = 0.3) -> float:
    """The power of a source that gives 0.9 to one of two labels, which is right for a share of `n` texts."""
    logs = np.log(np.tile([0.9, 0.1], (n, 1)))
    return fit_powers([logs], np.array([int(i >= share_right * n) for i in range(n)]), [usual])[0]


def test_a_power_worked_by_hand() -> None:
    # Right for 3 of 4 texts: 9 to the power p is 3, so p = 0.5. Few texts stay near the usual power.
    assert fit_one_power(0.75, 4000) == pytest.approx(0.5, abs=0.005)
    assert 0.3 < fit_one_power(0.75, 4) < 0.5
    assert fit_one_power(0.5, 4000) < 0.05
    assert fit_one_power(0.25, 4000) < 0.05  # a source that is mostly wrong is ignored, not turned round


def test_nothing_known_leaves_the_powers_as_usual() -> None:
    logs = [np.zeros((0, 2)), np.zeros((0, 2))]
    assert fit_powers(logs, np.zeros(0, dtype=np.int64), [0.3, 1.5]) == [0.3, 1.5]


def test_two_sources_that_say_the_same_share_their_power() -> None:
    logs = np.log(np.tile([0.9, 0.1], (400, 1)))
    truth = np.array([int(i >= 320) for i in range(400)])
    (alone,) = fit_powers([logs], truth, [0.3])
    first, second = fit_powers([logs, logs], truth, [0.3, 0.3])
    assert first == pytest.approx(second, rel=1e-3)
    assert first + second == pytest.approx(alone, rel=0.02)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=20))
def test_powers_are_positive_and_bounded(rows: list[tuple[int, int]]) -> None:
    said, truth = (list(column) for column in zip(*rows, strict=True))
    logs = np.log(np.where(np.eye(3)[said] > 0, 0.998, 0.001))
    assert all(0 < power < 30 for power in fit_powers([logs, logs], np.array(truth), [0.1, 1.5]))
