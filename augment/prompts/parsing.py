"""Parse a completion into text and label, or the reason why it is unusable. Pure; never guesses or substitutes."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from augment.prompts.template import label_mark, placeholder_values
from augment.records import LabelledText, PromptTemplate, RejectReason


@dataclass(frozen=True, slots=True)
class ParsedCompletion:
    """Text and label of a completion. `reason` says why it is unusable; None if text and label are good."""

    text: str
    label: str
    reason: RejectReason | None = None
    detail: str = ""


def parse_completion(template: PromptTemplate, labels: Sequence[str], completion: str) -> ParsedCompletion:
    """Read the first line of what the LM wrote after the open item.

    The label must be one of `labels`, ignoring case; nothing is guessed or substituted. `text` is kept as written,
    except for outer white space. A JSON object with text and label, as some endpoints return it, is also accepted.
    """
    line = completion.strip("\n").split("\n", 1)[0]
    if not line.strip():
        return ParsedCompletion("", "", RejectReason.EMPTY, "the completion is empty")
    item = _read_json_item(line)
    if item is not None:
        return _check_parsed(item.text, item.label, labels)
    text, mark, rest = line.partition(label_mark(template).strip())
    if not mark:
        detail = f"the line has no '{label_mark(template).strip()}'"
        return ParsedCompletion(line.strip(), "", RejectReason.NO_LABEL, detail)
    after = template.item.split("{label}", 1)[1].strip().format(**placeholder_values(template, labels))
    written = rest.split(after, 1)[0].strip() if after else rest.strip()
    return _check_parsed(text, written, labels)


def find_marks(template: PromptTemplate, text: str) -> str | None:
    """The first mark of an item's parts ('Sentiment:', 'Tweet:') found inside a text, or None."""
    words = placeholder_values(template, ())
    marks = (label_mark(template), template.open_item.format(**words))
    for mark in (mark.strip(" \t([{<\"'") for mark in marks):
        if mark and re.search(rf"(?<!\w){re.escape(mark)}", text, re.IGNORECASE):
            return mark
    return None


def _read_json_item(line: str) -> LabelledText | None:
    """Read a JSON object with string fields text and label, with or without a code fence; None for anything else."""
    fenced = re.fullmatch(r"\s*```(?:json)?\s*(\{.*\})\s*```\s*", line)
    if not fenced and not line.lstrip().startswith("{"):
        return None
    try:
        item = json.loads(fenced[1] if fenced else line)
    except ValueError:
        return None
    if not isinstance(item, dict) or not isinstance(item.get("text"), str) or not isinstance(item.get("label"), str):
        return None
    return LabelledText(" ".join(item["text"].split()), item["label"])


def _check_parsed(text: str, written: str, labels: Sequence[str]) -> ParsedCompletion:
    label = {name.casefold(): name for name in labels}.get(written.strip("'\"").casefold())
    if not text.strip():
        return ParsedCompletion("", written, RejectReason.EMPTY, "no text before the label")
    if label is None:
        detail = f"'{written[:40]}' is not one of {', '.join(labels)}"
        return ParsedCompletion(text.strip(), written, RejectReason.UNKNOWN_LABEL, detail)
    return ParsedCompletion(text.strip(), label)
