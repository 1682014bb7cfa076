"""Templates, prompts, and reading completions."""

from dataclasses import replace

import pytest

from augment.errors import PromptError
from augment.prompts.template import DEFAULT_TEMPLATE, check_template, parse_completion, render_prompt
from augment.records import LabelledText, RejectReason

LABELS = ("joy", "anger", "surprise")


def test_the_default_prompt_is_gpt3mix_s() -> None:
    seeds = [LabelledText("so happy", "joy"), LabelledText("line\nbreak", "anger")]
    assert render_prompt(DEFAULT_TEMPLATE, LABELS, seeds) == (
        "Each item in the following list contains a tweet and the respective sentiment. "
        "The sentiment is one of 'joy', 'anger' or 'surprise'.\n\n"
        "Tweet: so happy (Sentiment: joy)\n"
        "Tweet: line break (Sentiment: anger)\n"
        "Tweet:"
    )


def test_braces_in_a_seed_are_text_and_no_placeholders() -> None:
    assert "Tweet: {label} {0} {} (Sentiment: joy)" in render_prompt(
        DEFAULT_TEMPLATE, LABELS, [LabelledText("{label} {0} {}", "joy")]
    )


@pytest.mark.parametrize(
    ("part", "body", "expected"),
    [
        ("description", "no list here", "description lacks the placeholder {examples}"),
        ("description", "{examples} {examples}", "has more than one {examples}"),
        ("description", "{examples} {text}", "description has an unknown placeholder {text}"),
        ("description", "{examples} {", "unmatched brace"),
        ("description", "{examples!r}", "malformed placeholder"),
        ("description", "{examples} {0.x}", "malformed placeholder"),
        ("item", "{text}", "item lacks the placeholder {label}"),
        ("item", "{label}: {text}", "{text} must come before {label}"),
        ("item", "{text}{label}", "must stand between"),
        ("item", "{text}\n({label})", "one line"),
        ("item", "{text} ({lable})", "unknown placeholder {lable}"),
        ("open_item", " ", "open item is empty"),
        ("open_item", "{label}", "unknown placeholder {label}"),
        ("text_type", "", "must not be empty"),
    ],
)
def test_a_broken_template_names_what_is_wrong(part: str, body: str, expected: str) -> None:
    with pytest.raises(PromptError) as caught:
        check_template(replace(DEFAULT_TEMPLATE, **{part: body}))
    assert expected in str(caught.value)


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
def test_what_does_not_parse_has_a_reason_and_no_guessed_label(completion: str, reason: RejectReason) -> None:
    assert parse_completion(DEFAULT_TEMPLATE, LABELS, completion).reason is reason


def test_a_template_of_another_shape_is_parsed_by_its_own_marks() -> None:
    template = replace(DEFAULT_TEMPLATE, item="- {text} => {label};", open_item="-")
    parsed = parse_completion(template, LABELS, " it rains => anger; so what")
    assert (parsed.text, parsed.label) == ("it rains", "anger")
