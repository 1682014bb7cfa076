"""Consensus labels on small made-up embeddings: each label has a direction, a text is near the one of its label."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from augment.labels.consensus import (
    TEMPERATURES,
    USUAL_POWER,
    WRITTEN_PROB,
    LabelEvidence,
    find_consensus,
    fit_powers,
    fit_temperature,
)
from augment.records import Consensus, LabelledText, LabelSource, SourceWeight, VariantText

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
    odds: float = (WRITTEN_PROB / (1 - WRITTEN_PROB)) ** power
    return odds / (1 + odds)


def on_axes(**axes: Sequence[float]) -> dict[str, NDArray[np.float32]]:
    """The embedding of each named text."""
    return {name: np.array(vector, dtype=np.float32) for name, vector in axes.items()}


def written(text: str, label: str, *, decided: str = "") -> VariantText:
    return VariantText(0, text, decided or label, None, label, is_decided=bool(decided))


# Sources -------------------------------------------------------------------------------------------------------------


def test_a_source_that_is_always_right_counts_more_than_one_that_is_random() -> None:
    for is_written_right in (True, False):
        world = World()
        texts = world.write(60, is_written_right=is_written_right, is_scored_right=not is_written_right)
        powers = powers_of(find_consensus(world.evidence, texts, world.vectors))
        right, random = (LabelSource.WRITTEN, LabelSource.SCORED)[:: 1 if is_written_right else -1]
        assert powers[right] > 1
        assert powers[random] < 0.2
        assert powers[LabelSource.CLASSIFIER] == 1


def test_two_sources_that_say_the_same_share_their_power() -> None:
    world = World()
    texts = world.write(60, is_written_right=True, is_scored_right=None)
    alone = powers_of(find_consensus(world.evidence, texts, world.vectors))
    twice = [replace(text, probs=tuple(0.9 if label == text.label else 0.05 for label in LABELS)) for text in texts]
    both = powers_of(find_consensus(world.evidence, twice, world.vectors))
    assert both[LabelSource.WRITTEN] == pytest.approx(both[LabelSource.SCORED], abs=1e-3)
    assert both[LabelSource.WRITTEN] < 0.6 * alone[LabelSource.WRITTEN]


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
    assert powers_of(found)[LabelSource.WRITTEN] > 0.1
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
        find_consensus(world.evidence, [replace(texts[0], probs=probs), *texts[1:]], world.vectors)
        for probs in (None, (1 / 3, 1 / 3, 1 / 3))
    )
    assert without == uniform
    assert without.labels[0].probs != find_consensus(world.evidence, texts, world.vectors).labels[0].probs


def test_an_lm_score_of_0_rules_no_label_out() -> None:
    world = World()
    texts = world.write(30, is_written_right=True, is_scored_right=False)
    texts = [replace(text, probs=tuple(float(label == LABELS[0]) for label in LABELS)) for text in texts]
    found = find_consensus(world.evidence, texts, world.vectors)
    assert [label.label for label in found.labels] == [LABELS[i % 3] for i in range(30)]


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
    evidence = LabelEvidence(("A", "B"), [LabelledText("a", "A"), LabelledText("b", "B")])

    def ask(decided: str) -> list[float]:
        texts = [written("x", "B", decided=decided), written("near_x", "A"), written("y", "A")]
        return [label.probs[1] for label in find_consensus(evidence, texts, vectors).labels]

    assert ask("B")[1] > ask("")[1] + 0.1
    assert ask("B")[2] < 0.5


def test_decisions_set_the_power_of_a_source_that_the_classifier_cannot_judge() -> None:
    vectors = on_axes(a=(1, 0, 0), b=(0, 1, 0)) | {f"x{i}": np.array([0, 0, 1], dtype=np.float32) for i in range(20)}
    evidence = LabelEvidence(("A", "B"), [LabelledText("a", "A"), LabelledText("b", "B")])

    def power_if(decided: Sequence[str]) -> float:
        texts = [written(f"x{i}", "AB"[i % 2], decided=label) for i, label in enumerate(decided)]
        return powers_of(find_consensus(evidence, texts, vectors))[LabelSource.WRITTEN]

    assert power_if("AB" * 10) > 1 > 0.1 > power_if([""] * 20)
    assert power_if("BA" * 10) == 0


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


def test_all_sentences_together_count_as_much_as_all_seeds() -> None:
    # Sentences contradict seeds word for word, so the classifier gives half to each label: only the written one counts.
    vectors = on_axes(a=(1, 0), b=(0, 1))
    seeds = [LabelledText("a", "A"), LabelledText("b", "B")]
    for n_seeds, n_sentences in ((2, 1), (2, 6)):
        evidence = LabelEvidence(
            ("A", "B"), seeds * n_seeds, [LabelledText("a", "B"), LabelledText("b", "A")] * n_sentences
        )
        found = find_consensus(evidence, [written("a", "A")], vectors)
        assert found.labels[0].probs[0] == pytest.approx(share_of_written(found), abs=1e-3)


def test_the_same_input_gives_the_same_consensus_and_no_texts_give_none() -> None:
    first, second = World(), World()
    texts = first.write(20, is_written_right=False, is_scored_right=True)
    assert texts == second.write(20, is_written_right=False, is_scored_right=True)
    found = find_consensus(first.evidence, texts, first.vectors)
    assert found == find_consensus(second.evidence, texts, second.vectors)
    assert all(sum(label.probs) == pytest.approx(1) for label in found.labels)
    assert all(label.probs[LABELS.index(label.label)] == max(label.probs) for label in found.labels)
    assert find_consensus(first.evidence, [], first.vectors) == Consensus((), ())
    assert found.weights[0] == SourceWeight(LabelSource.CLASSIFIER, 1.0)


# Fitted powers and temperatures --------------------------------------------------------------------------------------


def fit_one_power(share_right: float, n: int) -> float:
    """The power of a source that gives 0.9 to one of two labels, which is right for a share of `n` texts."""
    logs = np.log(np.tile([0.9, 0.1], (n, 1)))
    target = np.eye(2)[[int(i >= share_right * n) for i in range(n)]]
    return fit_powers([logs], target, np.ones(n))[0]


def test_a_power_worked_by_hand() -> None:
    # Right for 3 of 4 texts: 9 to the power p is 3, so p = 0.5. Few texts stay near the usual power.
    assert fit_one_power(0.75, 4000) == pytest.approx(0.5, abs=0.005)
    assert USUAL_POWER < fit_one_power(0.75, 4) < 0.5
    assert fit_one_power(0.5, 4000) == pytest.approx(0, abs=0.005)
    assert fit_one_power(0.25, 4000) == 0  # a source that is mostly wrong is ignored, not turned round


def test_texts_without_weight_leave_the_powers_as_usual() -> None:
    logs = [np.log(np.tile(probs, (5, 1))) for probs in ([0.9, 0.1], [0.2, 0.8])]
    assert fit_powers(logs, np.eye(2)[[0] * 5], np.zeros(5)) == [USUAL_POWER, USUAL_POWER]


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.floats(0, 3)), min_size=1, max_size=20))
def test_powers_stay_between_0_and_3(rows: list[tuple[int, int, float]]) -> None:
    said, truth, weights = (list(column) for column in zip(*rows, strict=True))
    logs = np.log(np.where(np.eye(3)[said] > 0, 0.998, 0.001))
    assert all(0 <= power <= 3 for power in fit_powers([logs, logs], np.eye(3)[truth], np.array(weights)))


def fit_for(share_right: float, n: int) -> float:
    """The temperature's power of a classifier that is 80% sure of one of two labels."""
    logs = np.log(np.tile([0.8, 0.2], (n, 1)))
    return fit_temperature(logs, np.array([int(i >= share_right * n) for i in range(n)]))


def test_a_temperature_worked_by_hand() -> None:
    step = TEMPERATURES[1] / TEMPERATURES[0]
    # 4 to the power p is the odds of being right: 3 for 75%, 4 for 80%, 9 for 90%.
    for share, odds in ((0.75, 3), (0.8, 4), (0.9, 9)):
        assert fit_for(share, 2000) == pytest.approx(np.log(odds) / np.log(4), rel=step - 1)


def test_the_temperature_is_near_1_for_few_rows() -> None:
    assert fit_for(1, 1) == pytest.approx(1.15, abs=0.15)
    assert fit_for(1, 2000) == pytest.approx(4)
    assert abs(np.log(fit_for(0.5, 2))) < abs(np.log(fit_for(0.5, 20)))
    assert fit_for(0.5, 2000) == pytest.approx(0.5)
