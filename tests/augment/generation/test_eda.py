"""Easy Data Augmentation with scripted random numbers and a toy thesaurus, and with WordNet."""

import random
from collections import Counter
from collections.abc import Sequence

from augment.generation.strategies.eda import (
    STOP_WORDS,
    augment_text,
    delete_words,
    insert_words,
    replace_words,
    swap_words,
)
from augment.labels.wordnet import find_synonyms

THESAURUS = {"happy": ("glad", "merry"), "dog": ("hound",), "the": ("teh",), "small": ("of", "Small", "little")}
TEXT = "the happy dog sat on a small red mat today"


def look_up(word: str) -> Sequence[str]:
    return THESAURUS.get(word, ())


def find_nothing(_word: str) -> Sequence[str]:
    return ()


class Scripted(random.Random):
    """Returns scripted values: `random()` the floats in order, and each choice out of n the next whole number."""

    def __init__(self, *draws: float) -> None:
        super().__init__()
        self.draws = list(draws)

    def random(self) -> float:
        return self.draws.pop(0)

    def getrandbits(self, k: int) -> int:
        return int(self.draws.pop(0))


# The four operations -------------------------------------------------------------------------------------------------


def test_a_word_is_replaced_by_one_of_its_synonyms() -> None:
    # The first of happy (0), dog (1) and small (2); the second of glad and merry.
    changed = replace_words(TEXT.split(), Scripted(0, 1), look_up, 0.1)
    assert " ".join(changed) == "the merry dog sat on a small red mat today"


def test_alpha_gives_the_number_of_replaced_words_and_words_without_synonyms_are_skipped() -> None:
    # n = round(0.2 * 10) = 2: small, then happy. Of small's synonyms, "of" is a stop word and "Small" is small itself.
    changed = replace_words(TEXT.split(), Scripted(2, 0, 0, 0), look_up, 0.2)
    assert " ".join(changed) == "the glad dog sat on a little red mat today"
    everything = replace_words(TEXT.split(), Scripted(0, 0, 0, 0, 0, 0), look_up, 1.0)
    assert sum(new != old for new, old in zip(everything, TEXT.split(), strict=True)) == 3


def test_punctuation_stays_around_a_replaced_word() -> None:
    assert replace_words(["(DOG's,", "“Dog”!?"], random.Random(0), look_up, 0.1) == ["(DOG's,", "“hound”!?"]


def test_a_synonym_is_inserted_at_a_random_position() -> None:
    # The only synonym of dog, the second of happy and dog; then position 0, and position 3 of 3, after the last word.
    assert insert_words(["happy", "dog", "sat"], Scripted(1, 0, 0), look_up, 0.1) == ["hound", "happy", "dog", "sat"]
    assert insert_words(["happy", "dog", "sat"], Scripted(1, 0, 3), look_up, 0.1) == ["happy", "dog", "sat", "hound"]
    assert len(insert_words(TEXT.split(), random.Random(0), look_up, 0.3)) == 13


def test_two_words_are_swapped() -> None:
    # The first of positions 0, 1, 2; then the first of 2, 1.
    assert swap_words(["a", "b", "c"], Scripted(0, 0), find_nothing, 0.1) == ["c", "b", "a"]
    assert swap_words(["a", "b!"], random.Random(0), find_nothing, 0.1) == ["b!", "a"]


def test_words_are_deleted_with_probability_alpha() -> None:
    assert delete_words(["a", "b", "c", "d"], Scripted(0.09, 0.1, 0.5, 0.0), find_nothing, 0.1) == ["b", "c"]


def test_at_least_one_word_is_deleted_and_at_least_one_kept() -> None:
    assert delete_words(["a", "b", "c"], Scripted(0.9, 0.9, 0.9, 2), find_nothing, 0.1) == ["a", "b"]
    assert delete_words(["a", "b", "c"], Scripted(0.0, 0.0, 0.0, 1), find_nothing, 0.1) == ["b"]
    assert delete_words(["a"], random.Random(0), find_nothing, 1.0) == ["a"]


# One text ------------------------------------------------------------------------------------------------------------


def test_every_operation_is_equally_likely() -> None:
    def name_operation(text: str) -> str:
        words, old = text.split(), TEXT.split()
        if len(words) != len(old):
            return "insert" if len(words) > len(old) else "delete"
        return "swap" if sorted(words) == sorted(old) else "replace"

    counts = Counter(name_operation(augment_text(TEXT, random.Random(seed), look_up)) for seed in range(2000))
    assert len(counts) == 4
    assert all(430 < n < 570 for n in counts.values())  # 500 expected; the standard deviation is 19


def test_the_same_seed_gives_the_same_text() -> None:
    def draw(seed: int) -> list[str]:
        rng = random.Random(seed)
        return [augment_text(TEXT, rng, look_up) for _ in range(20)]

    assert draw(3) == draw(3) != draw(4)


def test_every_text_changes_and_no_text_is_empty() -> None:
    for text in (TEXT, "no no", "happy", "a b", "... !", "  padded\nlines  "):
        for seed in range(100):
            changed = augment_text(text, random.Random(seed), look_up, alpha=0.9)
            assert changed.split()
            assert changed != text


def test_a_single_word_without_a_synonym_is_unchanged() -> None:
    for text in ("sat", " sat ", "...", "the", ""):
        assert augment_text(text, random.Random(0), look_up) == text


def test_a_single_word_with_a_synonym_is_replaced_or_extended_by_it() -> None:
    texts = {augment_text("dog!", random.Random(seed), look_up) for seed in range(50)}
    assert texts == {"hound!", "hound dog!", "dog! hound"}


def test_stop_words_are_neither_replaced_nor_looked_up_nor_inserted() -> None:
    asked = []

    def ask(word: str) -> Sequence[str]:
        asked.append(word)
        return ("iodine", "I")

    for seed in range(100):
        text = augment_text("I don’t know the (AND), do you?", random.Random(seed), ask, alpha=0.9)
        assert text.split().count("I") <= 1
    assert set(asked) == {"know"}
    assert all(word == word.lower() for word in STOP_WORDS)


def test_without_synonyms_words_are_only_moved_or_deleted() -> None:
    for seed in range(100):
        assert not Counter(augment_text(TEXT, random.Random(seed), find_nothing).split()) - Counter(TEXT.split())


def test_real_synonyms_augment_a_text() -> None:
    texts = {augment_text("i feel glad", random.Random(seed), find_synonyms) for seed in range(200)}
    assert "i feel happy" in texts
    assert "glad feel i" in texts
