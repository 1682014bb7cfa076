"""Parsing completions: text and label as written, or a reason."""

from dataclasses import replace

import pytest

from augment.prompts.parsing import parse_completion
from augment.prompts.template import DEFAULT_TEMPLATE
from augment.records import RejectReason

LABELS = ("joy", "anger", "surprise")


@pytest.mark.parametrize(
    ("completion", "text", "label"),
    [
        (" i won (Sentiment: joy)", "i won", "joy"),
        (" i won (Sentiment: Joy)\nTweet: more", "i won", "joy"),
        (" i won(Sentiment:joy", "i won", "joy"),
        (" Tweet Tweet: wet (Sentiment: 'anger')", "Tweet Tweet: wet", "anger"),
        (' "quoted" (Sentiment: surprise) (Sentiment: joy)', '"quoted"', "surprise"),
    ],
)
def test_a_completion_gives_text_and_label_as_written(completion: str, text: str, label: str) -> None:
    parsed = parse_completion(DEFAULT_TEMPLATE, LABELS, completion)
    assert (parsed.text, parsed.label, parsed.reason) == (text, label, None)


@pytest.mark.parametrize(
    ("completion", "reason"),
    [
        ("", RejectReason.EMPTY),
        ("  \n", RejectReason.EMPTY),
        (" (Sentiment: joy)", RejectReason.EMPTY),
        (" i won", RejectReason.NO_LABEL),
        (" i won (Sentiment: love)", RejectReason.UNKNOWN_LABEL),
        (" i won (Sentiment: joyful)", RejectReason.UNKNOWN_LABEL),
        (" i won (Sentiment:", RejectReason.UNKNOWN_LABEL),
    ],
)
def test_a_completion_that_does_not_parse_has_a_reason_and_no_guessed_label(
    completion: str, reason: RejectReason
) -> None:
    assert parse_completion(DEFAULT_TEMPLATE, LABELS, completion).reason is reason


def test_a_template_with_another_layout_is_parsed_by_its_own_marks() -> None:
    template = replace(DEFAULT_TEMPLATE, item="- {text} => {label};", open_item="-")
    parsed = parse_completion(template, LABELS, " it rains => anger; so what")
    assert (parsed.text, parsed.label) == ("it rains", "anger")
