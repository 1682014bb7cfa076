"""Label words: as proposed until people edit them, then as edited, in the plan and in consensus labels."""

import pytest

from augment.errors import AugmentError
from augment.records import LabelKnowledge, LabelledText, LabelWords, PreparedData, Split, Task
from workbench.bench import Workbench
from workbench.experiments import plan_experiment
from workbench.generation import import_texts
from workbench.label_words import find_knowledge
from workbench.tasks import create_example, save_knowledge, save_seeds

EDITED = LabelKnowledge(
    ("it is {word}",),
    (LabelWords("joy", ("bliss",)), LabelWords("anger", ("fury", "wrath")), LabelWords("surprise", ("wow",))),
)


@pytest.fixture
def task(bench: Workbench) -> Task:
    """The example with one text."""
    made = create_example(bench)
    import_texts(bench, made.id, "an LM", [LabelledText("i won the lottery", "joy")])
    return made


def test_edited_words_replace_the_proposed_ones_until_they_are_proposed_again(bench: Workbench, task: Task) -> None:
    proposed = find_knowledge(bench.store, task)
    assert proposed is not None
    save_knowledge(bench, task, EDITED)
    assert find_knowledge(bench.store, task) == EDITED
    planned = plan_experiment(bench, task, bench.store.tasks.seed_sets(task.id)[0].id)
    assert planned.label_knowledge == EDITED
    save_knowledge(bench, task, None)
    assert find_knowledge(bench.store, task) == proposed


def test_labels_that_say_nothing_can_be_given_words(bench: Workbench) -> None:
    rows = tuple(LabelledText(f"text {i}", str(i % 2)) for i in range(8))
    task = bench.store.tasks.create(PreparedData("Numbers", "test", ("0", "1"), {Split.POOL: rows}))
    seed_set = save_seeds(bench, task.id, bench.store.tasks.examples(task.id, Split.POOL)[:4])
    assert find_knowledge(bench.store, task) is None
    words = LabelKnowledge(("This is {word}.",), (LabelWords("0", ("bad",)), LabelWords("1", ("good",))))
    save_knowledge(bench, task, words)
    planned = plan_experiment(bench, task, seed_set.id)
    assert planned.label_knowledge == words
    assert any(variant.has_sentences for variant in planned.variants)


def test_other_words_make_the_consensus_stale(bench: Workbench, task: Task) -> None:
    bench.consensus.refresh(task)
    assert bench.consensus.wait(60)
    first = bench.store.consensus.newest(task.id)
    assert first is not None
    assert not bench.consensus.is_stale(task.id)
    save_knowledge(bench, task, EDITED)
    assert bench.consensus.is_stale(task.id)
    bench.consensus.refresh(task)
    assert bench.consensus.wait(60)
    newest = bench.store.consensus.newest(task.id)
    assert newest is not None
    assert newest.id != first.id
    assert not bench.consensus.is_stale(task.id)


def test_a_label_without_words_is_refused() -> None:
    with pytest.raises(AugmentError, match="'anger' has no words"):
        LabelKnowledge(("{word}",), (LabelWords("joy", ("glad",)), LabelWords("anger", ())))
