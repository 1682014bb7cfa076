"""Templates and the prompts rendered from them."""

from dataclasses import replace

import pytest

from augment.errors import PromptError
from augment.prompts.template import DEFAULT_TEMPLATE, check_template, render_prompt
from augment.records import LabelledText

LABELS = ("joy", "anger", "surprise")


def test_the_default_prompt_is_that_of_gpt3mix() -> None:
    seeds = [LabelledText("so happy", "joy"), LabelledText("line\nbreak", "anger")]
    assert render_prompt(DEFAULT_TEMPLATE, LABELS, seeds) == (
        "Each item in the following list contains a tweet and the respective sentiment. "
        "The sentiment is one of 'joy', 'anger' or 'surprise'.\n\n"
        "Tweet: so happy (Sentiment: joy)\n"
        "Tweet: line break (Sentiment: anger)\n"
        "Tweet:"
    )


def test_braces_in_a_seed_are_text_not_placeholders() -> None:
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
        ("item", "{text}{label}", "put something between"),
        ("item", "{text}\n({label})", "one line"),
        ("item", "{text} ({lable})", "unknown placeholder {lable}"),
        ("open_item", " ", "open item is empty"),
        ("open_item", "{label}", "unknown placeholder {label}"),
        ("text_type", "", "must not be empty"),
    ],
)
def test_the_error_of_a_broken_template_says_what_is_wrong(part: str, body: str, expected: str) -> None:
    with pytest.raises(PromptError) as caught:
        check_template(replace(DEFAULT_TEMPLATE, **{part: body}))
    assert expected in str(caught.value)
