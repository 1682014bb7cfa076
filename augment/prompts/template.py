"""Render prompts from a template and seeds. Pure; does not use an LM. `augment.prompts.parsing` reads completions.

The default template is GPT3Mix's (Yoo et al. 2021, arXiv 2104.08826, section 3.2), as the reference notebook words it.
"""

import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import replace

from augment.errors import PromptError
from augment.records import LabelledText, LabelQuestion, PromptTemplate, Task

DEFAULT_TEMPLATE = PromptTemplate(
    description=(
        "Each item in the following list contains a {text_type} and the respective {label_type}. "
        "The {label_type} is one of {labels}.\n\n{examples}"
    ),
    item="{Text_type}: {text} ({Label_type}: {label})",
    open_item="{Text_type}:",
)

CONTENT_FREE = " N/A"  # Zhao et al. 2021 (arXiv 2102.09690), section 5

_COMMON = ("text_type", "Text_type", "label_type", "Label_type", "labels")
_ALLOWED = {
    "description": (*_COMMON, "examples"),
    "item": (*_COMMON, "text", "label"),
    "open item": _COMMON,
    "given item": (*_COMMON, "text", "label"),
}
_REQUIRED = {"description": ("examples",), "item": ("text", "label"), "open item": (), "given item": ("text", "label")}


def template_for(task: Task) -> PromptTemplate:
    """The default template with the task's own words for a text and its label."""
    return replace(DEFAULT_TEMPLATE, text_type=task.text_type, label_type=task.label_type)


def check_template(template: PromptTemplate) -> None:
    """Check that a template can be rendered and its completions parsed.

    Raises:
        PromptError: a placeholder is missing, unknown or malformed; the item is not one line with the text before the
            label; there is nothing between text and label; the given item is not one line that ends with the text; or
            the open item is empty.
    """
    parts = {
        "description": template.description,
        "item": template.item,
        "open item": template.open_item,
        "given item": template.given_item,
    }
    for part, body in parts.items():
        found = _placeholders(part, body)
        for name in found:
            if name not in _ALLOWED[part]:
                known = ", ".join(f"{{{allowed}}}" for allowed in _ALLOWED[part])
                raise PromptError(f"The {part} has an unknown placeholder {{{name}}}. It may use {known}.")
        for name in _REQUIRED[part]:
            if found.count(name) != 1:
                problem = "lacks the placeholder" if name not in found else "has more than one"
                raise PromptError(f"The {part} {problem} {{{name}}}. Use it exactly once.")
    if "\n" in template.item.strip():
        raise PromptError("The item must be one line: the LM stops at the end of the line.")
    if not template.open_item.strip():
        raise PromptError("The open item is empty. It is the line that the LM continues, such as '{Text_type}:'.")
    if not template.text_type.strip() or not template.label_type.strip():
        raise PromptError("The text type and the label type must not be empty.")
    if not template.item.index("{text}") < template.item.index("{label}"):
        raise PromptError("In the item, {text} must come before {label}: the LM writes the text first.")
    if "\n" in template.given_item.strip() or not template.given_item.strip().endswith("{text}"):
        raise PromptError(
            "The given item must be one line that ends with {text}: the LM writes the text after the label."
        )
    if not label_mark(template).strip():
        raise PromptError("In the item, put something between {text} and {label}, such as ' ({Label_type}: '.")


def render_prompt(template: PromptTemplate, labels: Sequence[str], seeds: Sequence[LabelledText]) -> str:
    """The prompt for `seeds`, in their order, ending with the open item.

    Raises:
        PromptError: see `check_template`.
    """
    check_template(template)
    words = placeholder_values(template, labels)
    items = "\n".join(render_item(template, labels, seed) for seed in seeds)
    return template.description.format(**words, examples=items) + "\n" + template.open_item.strip().format(**words)


def render_item(template: PromptTemplate, labels: Sequence[str], seed: LabelledText) -> str:
    """One seed as a line of the prompt; line breaks inside its text become spaces."""
    text = " ".join(seed.text.split())
    return template.item.strip().format(**placeholder_values(template, labels), text=text, label=seed.label)


def render_conditional_prompt(
    template: PromptTemplate, labels: Sequence[str], seeds: Sequence[LabelledText], label: str
) -> str:
    """The prompt for a text of `label`: seeds as given items, then an item of that label that stops before its text.

    Raises:
        PromptError: see `check_template`.
    """
    check_template(template)
    words = placeholder_values(template, labels)
    given = template.given_item.strip()
    lines = [given.format(**words, text=" ".join(seed.text.split()), label=seed.label) for seed in seeds]
    opening = given.removesuffix("{text}").rstrip().format(**words, label=label)
    return template.description.format(**words, examples="\n".join(lines)) + "\n" + opening


def label_mark(template: PromptTemplate) -> str:
    """The characters between text and label in an item: ' (Sentiment: ' in the default template."""
    between = template.item.split("{text}", 1)[1].split("{label}", 1)[0]
    return between.format(**placeholder_values(template, ()))


def ask_label(template: PromptTemplate, labels: Sequence[str], *, is_calibrated: bool) -> LabelQuestion:
    """The question for the label of a text that the LM has written after the open item.

    The mark's trailing space moves to the labels, because a causal LM's tokens begin with the space before a word.
    """
    mark = label_mark(template)
    space = mark[len(mark.rstrip()) :]
    return LabelQuestion(
        mark.rstrip(), tuple(space + label for label in labels), CONTENT_FREE if is_calibrated else None
    )


def placeholder_values(template: PromptTemplate, labels: Sequence[str]) -> Mapping[str, str]:
    """Values of the placeholders that every part may use; `labels` is only needed for `{labels}`."""
    quoted = [f"'{label}'" for label in labels]
    listed = f"{', '.join(quoted[:-1])} or {quoted[-1]}" if len(quoted) > 1 else "".join(quoted)
    return {
        "text_type": template.text_type,
        "Text_type": template.text_type[:1].upper() + template.text_type[1:],
        "label_type": template.label_type,
        "Label_type": template.label_type[:1].upper() + template.label_type[1:],
        "labels": listed,
    }


def _placeholders(part: str, body: str) -> list[str]:
    try:
        parsed = list(string.Formatter().parse(body))
    except ValueError as error:
        raise PromptError(
            f"The {part} has an unmatched brace ({error}). Write {{{{ or }}}} for a plain brace."
        ) from error
    fields = []
    for _, name, spec, conversion in parsed:
        if name is None:
            continue
        if spec or conversion or not re.fullmatch(r"\w+", name):
            raise PromptError(f"The {part} has a malformed placeholder {{{name}}}. Expected a plain name in braces.")
        fields.append(name)
    return fields
