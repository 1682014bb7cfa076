"""Words and sentences proposed for labels, with the real WordNet and encoder."""

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from augment.encoders import embed_texts
from augment.labels.knowledge import LEAST_SIMILARITY, N_WORDS, is_telling, known_words, propose_knowledge, spell_out
from augment.labels.wordnet import find_related
from augment.records import LabelKnowledge, LabelledText, LabelWords


def propose(*labels: str) -> dict[str, tuple[str, ...]]:
    """The words proposed for each label."""
    return {entry.label: entry.words for entry in propose_knowledge(labels, text_type="text", label_type="topic").words}


# Names ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("joy", "joy"),
        ("card_not_working", "card not working"),
        ("Sci/Tech", "science and technology"),
        ("notEnough", "not enough"),
        ("rec.sport-hockey", "rec sport hockey"),
        ("arts & culture", "arts and culture"),
        ("neg", "negative"),
        ("a{b}", "a b"),
        ("{}", "()"),
        ("C++", "c++"),
        ("+", "+"),
        ("-", "-"),
        ("0", "0"),
    ],
)
def test_a_name_is_spelled_out(label: str, expected: str) -> None:
    assert spell_out(label) == expected


@given(st.text(st.characters(codec="utf-8"), min_size=1).filter(lambda label: bool(label.strip())))
def test_no_name_becomes_empty_or_has_braces(label: str) -> None:
    name = spell_out(label)
    assert name.strip()
    assert not set("{}") & set(name)


@pytest.mark.parametrize("label", ["joy", "JOY", "pos", "Sci/Tech", "überraschung", "card_not_working", "no", "yes"])
def test_a_name_with_a_word_is_telling(label: str) -> None:
    assert is_telling(label)


@pytest.mark.parametrize("label", ["0", "12345", "B2", "+", "-", "{}", "a_b_c", "US", "LABEL_0", "class1", "topic-3"])
def test_a_number_or_an_abbreviation_is_not_telling(label: str) -> None:
    assert not is_telling(label)


# Words ---------------------------------------------------------------------------------------------------------------


def test_emotions_and_sentiments_get_our_own_words_in_any_case() -> None:
    assert known_words("Anger") == known_words("anger")
    assert {"angry", "furious"} <= set(known_words("anger"))
    assert known_words("billing") == ()
    assert propose("anger", "fear")["anger"] == known_words("anger")
    assert propose("neg", "Joy") == {"neg": known_words("negative"), "Joy": known_words("joy")}


@pytest.mark.models
def test_other_labels_get_their_name_and_similar_words_of_wordnet() -> None:
    words = propose("World", "Sports", "Business", "Sci/Tech")
    assert [found[0] for found in words.values()] == ["world", "sports", "business", "science and technology"]
    assert {"athletics", "team sport"} <= set(words["Sports"])  # WordNet has "sport", not "sports"
    assert {"firm", "partnership"} <= set(words["Business"])
    assert {"natural science", "scientist", "technologist"} <= set(words["Sci/Tech"])  # from parts of its name
    assert all(len(found) <= 1 + N_WORDS for found in words.values())


@pytest.mark.models
def test_words_from_wordnet_are_similar_to_the_name_and_the_most_similar_come_first() -> None:
    name, *words = propose("Sci/Tech", "World")["Sci/Tech"]
    related = sorted({*find_related("science"), *find_related("technology")})
    vectors = embed_texts([name, *words, *related])
    similarities = (vectors[1:] @ vectors[0]).tolist()
    of_words, of_related = similarities[: len(words)], dict(zip(related, similarities[len(words) :], strict=True))
    assert len(words) > 2
    assert of_words == sorted(of_words, reverse=True)
    assert of_words[-1] >= LEAST_SIMILARITY - 1e-4
    unlike = {word for word, similarity in of_related.items() if similarity < LEAST_SIMILARITY - 1e-4}
    assert unlike
    assert not unlike & set(words)


@pytest.mark.models
def test_words_of_one_part_of_a_name_do_not_stand_for_the_label() -> None:
    assert propose("card arrival", "other")["card arrival"] == ("card arrival",)


@pytest.mark.models
def test_a_name_that_wordnet_lacks_is_its_own_only_word() -> None:
    assert propose("qwzx_yy", "joy")["qwzx_yy"] == ("qwzx yy",)


@pytest.mark.models
@pytest.mark.parametrize(
    "labels",
    [
        ("joy", "happy", "glad"),
        ("good", "positive"),
        ("annoyed", "anger", "negative"),
        ("entertainment", "amusement"),
        ("pos", "positive", "neg"),
        ("Odd", "odd"),
    ],
)
def test_no_word_stands_for_two_labels_and_every_label_has_one(labels: Sequence[str]) -> None:
    words = propose(*labels)
    assert list(words) == list(labels)
    assert all(words.values())
    assert set(Counter(word for found in words.values() for word in found).values()) == {1}


@pytest.mark.models
def test_names_with_braces_slashes_and_underscores_give_valid_sentences() -> None:
    labels = ("{word}", "a{b}", "{}", "a/b", "late_fee", "+")
    knowledge = propose_knowledge(labels, text_type="t{word}", label_type="{kind}")
    assert {sentence.label for sentence in knowledge.sentences} == set(labels)
    assert not any(set("{}") & set(sentence.text) for sentence in knowledge.sentences)
    assert LabelledText("This t(word) is a b.", "a{b}") in knowledge.sentences
    assert LabelledText("The (kind) of this t(word) is late fee.", "late_fee") in knowledge.sentences


@pytest.mark.models
def test_the_same_labels_get_the_same_knowledge() -> None:
    first, second = (propose_knowledge(("Sports", "joy"), text_type="tweet", label_type="topic") for _ in range(2))
    assert first == second


# Sentences -----------------------------------------------------------------------------------------------------------


def test_sentences_say_every_word_in_every_pattern() -> None:
    knowledge = LabelKnowledge(
        ("i am {word}", "{word}"), (LabelWords("joy", ("happy", "glad")), LabelWords("fear", ("afraid",)))
    )
    assert knowledge.sentences == (
        LabelledText("i am happy", "joy"),
        LabelledText("happy", "joy"),
        LabelledText("i am glad", "joy"),
        LabelledText("glad", "joy"),
        LabelledText("i am afraid", "fear"),
        LabelledText("afraid", "fear"),
    )


def test_a_sentence_occurs_once_per_label() -> None:
    knowledge = LabelKnowledge(("so {word}", "so {word}"), (LabelWords("a", ("x", "x")), LabelWords("b", ("x",))))
    assert knowledge.sentences == (LabelledText("so x", "a"), LabelledText("so x", "b"))


def test_a_proposal_speaks_of_the_task() -> None:
    sentences = propose_knowledge(("joy", "fear"), text_type="tweet", label_type="emotion").sentences
    assert sentences[:3] == (
        LabelledText("This tweet is happy.", "joy"),
        LabelledText("The emotion of this tweet is happy.", "joy"),
        LabelledText("happy", "joy"),
    )
    assert len(sentences) == 2 * 10 * 3
