"""The few-shot template and its immutable versions."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class PromptTemplate:
    """The parts of a few-shot prompt and the two words that fill it.

    `description` contains `{examples}`, the place of the seeds' items, one per line. `item` contains `{text}` and
    `{label}`. The LM continues `open_item`. `given_item` is the item of `conditional`, where the label is given: it has
    `{label}` and ends with `{text}`, so that the part before the text is its open item. All may use `{text_type}`,
    `{label_type}` (capitalised: `{Text_type}`, `{Label_type}`) and `{labels}`. Checked by
    `augment.prompts.template.check_template`.
    """

    description: str
    item: str
    open_item: str
    text_type: str = "tweet"
    label_type: str = "sentiment"
    given_item: str = "{Text_type} ({label}): {text}"


@dataclass(frozen=True, slots=True)
class PromptVersion:
    """One immutable state of a task's template."""

    id: int
    task_id: int
    number: int
    template: PromptTemplate
    note: str
    created_at: datetime
