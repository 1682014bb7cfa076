"""Label-word templates: the defaults, filling and counting."""

import random
from itertools import combinations

import pytest

from augment.errors import AugmentError
from augment.generation.strategies.word_templates import DEFAULT_PATTERNS, count_texts, default_templates, fill_template
from augment.records import LabelKnowledge, LabelWords

EMOTIONS = ("joy", "sadness", "anger", "fear", "love", "surprise")
SENTIMENTS = ("positive", "negative", "neutral")
TOY = LabelKnowledge(
    ("i feel {word}", "{word} today"), (LabelWords("joy", ("happy", "glad")), LabelWords("fear", ("x",)))
)


def test_a_text_is_a_pattern_with_a_word_of_its_label() -> None:
    texts = {fill_template(TOY, "joy", random.Random(seed)) for seed in range(50)}
    assert texts == {"i feel happy", "i feel glad", "happy today", "glad today"}


def test_the_same_seed_gives_the_same_texts() -> None:
    def draw(seed: int) -> list[str]:
        rng = random.Random(seed)
        return [fill_template(default_templates(EMOTIONS), "joy", rng) for _ in range(20)]

    assert draw(1) == draw(1) != draw(2)


def test_each_text_is_counted_once() -> None:
    assert count_texts(TOY, "joy") == 4
    assert count_texts(TOY, "fear") == 2
    assert count_texts(LabelKnowledge(("a {word}", "a {word}"), (LabelWords("joy", ("b", "b", "c")),)), "joy") == 2


@pytest.mark.parametrize("labels", [EMOTIONS, SENTIMENTS])
def test_each_known_label_has_ten_words_that_no_other_label_shares(labels: tuple[str, ...]) -> None:
    templates = default_templates(labels)
    words = {label: set(templates.words_of(label)) for label in labels}
    assert all(len(words[label]) == 10 for label in labels)
    assert not [pair for pair in combinations(labels, 2) if words[pair[0]] & words[pair[1]]]
    assert all(count_texts(templates, label) == 10 * len(DEFAULT_PATTERNS) for label in labels)


def test_a_label_is_recognised_in_any_case_and_kept_as_written() -> None:
    templates = default_templates(["JOY", "Fear"])
    assert [label_words.label for label_words in templates.words] == ["JOY", "Fear"]
    assert templates.words_of("JOY") == default_templates(["joy"]).words_of("joy")


def test_an_unknown_label_is_its_own_only_word() -> None:
    assert default_templates(["Bored"]).words_of("Bored") == ("Bored",)


def test_a_brace_in_a_word_is_refused() -> None:
    with pytest.raises(AugmentError, match="A word of 'odd' contains a brace"):
        LabelKnowledge(("i feel {word}",), (LabelWords("odd", ("{word} {0}",)),))


def test_texts_that_the_duplicate_check_treats_as_equal_count_once() -> None:
    templates = LabelKnowledge(("i feel {word}", "I feel {word}!"), (LabelWords("joy", ("glad", "Glad", "merry")),))
    assert count_texts(templates, "joy") == 2


def test_the_error_names_a_label_without_words() -> None:
    with pytest.raises(AugmentError, match="Label 'love' has no words"):
        fill_template(TOY, "love", random.Random(0))
    with pytest.raises(AugmentError, match="Label 'love' has no words"):
        count_texts(TOY, "love")
    with pytest.raises(AugmentError, match="Label 'joy' has no words"):
        LabelKnowledge(("{word}",), (LabelWords("joy", ()),))


@pytest.mark.parametrize("pattern", ["i feel", "{word} {word}", "{word} {", "{word} {label}"])
def test_a_pattern_contains_the_placeholder_once_and_no_other_braces(pattern: str) -> None:
    with pytest.raises(AugmentError, match="must contain {word} exactly once"):
        LabelKnowledge((pattern,), TOY.words)


def test_there_is_at_least_one_pattern() -> None:
    with pytest.raises(AugmentError, match="There is no pattern"):
        LabelKnowledge((), TOY.words)
