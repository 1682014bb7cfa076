"""Labels given elsewhere are matched to texts by what the text says."""

import pytest

from augment.errors import DataError
from augment.labels.matching import match_labels
from augment.records import LabelledText

LABELS = ("joy", "anger")
TEXTS = {1: "So happy!", 2: "so mad", 3: "never asked", 4: "so  MAD"}


def rows(*pairs: tuple[str, str]) -> list[LabelledText]:
    return [LabelledText(text, label) for text, label in pairs]


def test_rows_match_whatever_the_case_spaces_and_quotes() -> None:
    found = match_labels(LABELS, rows(("'so happy'", "joy"), ("SO mad.", "anger"), ("other", "joy")), TEXTS)
    assert found.of_texts == {1: (1.0, 0.0), 2: (0.0, 1.0), 4: (0.0, 1.0)}
    assert (found.n_rows, found.n_matched_rows, found.n_without_row, found.n_disputed) == (3, 2, 1, 0)
    assert found.summary == "2 of 3 rows match 3 texts; 1 text without a row"


def test_rows_that_disagree_about_a_text_count_by_their_share() -> None:
    given = rows(("so happy", "joy"), ("So happy", "joy"), ("so happy.", "anger"), ("so happy", "joy"))
    found = match_labels(LABELS, given, {1: "So happy!"})
    assert found.of_texts == {1: (0.75, 0.25)}
    assert found.summary == "4 of 4 rows match 1 text; 1 text with different labels, which count by their share of rows"


def test_an_unknown_label_names_what_was_expected_and_found() -> None:
    with pytest.raises(DataError, match=r"does not have: Joy, sad. Expected joy, anger"):
        match_labels(LABELS, rows(("so happy", "Joy"), ("so mad", "sad"), ("x", "joy")), TEXTS)
