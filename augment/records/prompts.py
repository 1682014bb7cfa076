"""The few-shot template and its immutable versions."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class PromptTemplate:
    """The parts of a few-shot prompt and the two words that fill it.

    `description` holds `{examples}`, where the seeds' items go, one a line; `item` holds `{text}` and `{label}`;
    `open_item` is what the LM continues. `given_item` is the item of `conditional`, where the label is given: `{label}`
    before `{text}`, which ends it, so that what stands before the text is its open item. All may use `{text_type}`,
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
