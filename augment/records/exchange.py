"""What review exports and imports: texts with lineage and history, and labels that were decided elsewhere.

An exported text is complete: everything it refers to (run, prompt, seeds, steps) is included, so that a file can be
imported into another database. The ids only show what belongs together.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from augment.errors import DataError
from augment.records.checks import Finding
from augment.records.data import LabelledText
from augment.records.reviews import Decision, ReviewAction, ReviewStatus, TextChange, TextState


@dataclass(frozen=True, slots=True)
class ExportedEvent:
    """One review event with the field names of exported files; `change` gives it as one record.

    Unchanged texts and notes are None. `undoes_id` is the step that this one undoes. `undone_id` and `undone_at` say
    which step undid this one and when, even if that left the text unchanged.
    """

    step_id: int
    action: ReviewAction
    reviewer: str
    created_at: datetime
    label_before: str
    label_after: str
    status_before: ReviewStatus
    status_after: ReviewStatus
    text_before: str | None = None
    text_after: str | None = None
    note_before: str | None = None
    note_after: str | None = None
    undoes_id: int | None = None
    undone_id: int | None = None
    undone_at: datetime | None = None

    @property
    def change(self) -> TextChange:
        """What the event changed."""
        return TextChange(
            TextState(self.label_before, self.status_before, self.text_before, self.note_before),
            TextState(self.label_after, self.status_after, self.text_after, self.note_after),
        )

    def __post_init__(self) -> None:
        _check_zone(self.created_at)
        if self.undone_at is not None:
            _check_zone(self.undone_at)
        if (self.undone_id is None) != (self.undone_at is None):
            raise DataError(f"Step {self.step_id} has only one of undone_id and undone_at. Expected both or neither.")


@dataclass(frozen=True, slots=True)
class ExportedText:
    """A synthetic text as it is now, where it came from, and every decision about it, oldest first.

    `config` is the run's config as JSON, including the template. `number` is the attempt's number in its run. Imported
    texts have no `config`, `strategy`, `prompt_version`, `prompt`, `raw` completion or token counts. The consensus of
    all label sources is written for other programs; importing ignores it, as each task finds its own.
    """

    id: int
    text: str
    label: str
    status: ReviewStatus
    note: str
    proposed_text: str
    proposed_label: str
    label_probs: Mapping[str, float] | None
    flags: tuple[Finding, ...]
    created_at: datetime
    run_id: int
    lm_name: str
    strategy: str | None
    prompt_version: int | None
    config: str | None
    number: int
    prompt: str | None
    raw: str | None
    n_tokens: int | None
    n_prompt_tokens: int | None
    seeds: tuple[LabelledText, ...]
    history: tuple[ExportedEvent, ...]
    consensus_label: str | None = None
    consensus_prob: float | None = None

    def __post_init__(self) -> None:
        _check_zone(self.created_at)
        _check_text(self.id, self.text)
        _check_text(self.id, self.proposed_text)
        if any(not 0 <= prob <= 1 for prob in (self.label_probs or {}).values()):  # NaN fails too
            raise DataError(f"Text {self.id} has a label probability that is not between 0 and 1. Fix or remove it.")
        for name in ("number", "n_tokens", "n_prompt_tokens"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < 2**63:
                raise DataError(f"Text {self.id}: '{name}' is {value}; expected a whole number of 0 or more.")
        if len({self.prompt is None, self.raw is None, self.n_tokens is None, self.n_prompt_tokens is None}) > 1:
            raise DataError(
                f"Text {self.id} has only part of a completion. Expected prompt, raw, n_tokens and n_prompt_tokens, "
                "or none of them."
            )

    @property
    def has_completion(self) -> bool:
        """Whether an LM wrote it here; imported texts have no completion."""
        return self.n_tokens is not None

    @property
    def state(self) -> TextState:
        """The current state, as far as review can change it."""
        return TextState(self.label, self.status, self.text, self.note)

    def replay(self) -> TextState:
        """The state that results from the LM's proposal and the history; `state` should equal it."""
        state = TextState(self.proposed_label, ReviewStatus.PENDING, self.proposed_text, "")
        for event in self.history:
            state = state.after(event.change)
        return state


@dataclass(frozen=True, slots=True)
class Restoration:
    """What a file of exported texts adds to a task; `run_ids` are its new runs once they are stored.

    `n_held_out` texts repeat a validation or test example and are left out. `n_known` of the `n_texts` are in the task
    already. `n_seedless` have seeds that are not examples of the task, so their lineage lacks them.
    """

    n_texts: int
    n_runs: int
    n_events: int
    reviewers: tuple[str, ...]
    n_held_out: int
    n_known: int
    n_seedless: int
    run_ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class DecidedElsewhere:
    """Decisions by text id from a table; `texts` are the texts that were decided on, if the table has them.

    `n_undecided` rows have nothing but an id.
    """

    decisions: Mapping[int, Decision]
    texts: Mapping[int, str]
    has_status: bool
    n_undecided: int


@dataclass(frozen=True, slots=True)
class DecisionCount:
    """How many texts the decisions would change, and how many they leave as they are."""

    n_changed: int
    n_same: int


def _check_zone(time: datetime) -> None:
    if time.tzinfo is None:
        raise DataError(f"The time {time.isoformat()} has no time zone. Expected UTC, such as 2026-11-22T21:41:00Z.")


def _check_text(text_id: int, text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise DataError(f"Text {text_id} has a broken character (a lone surrogate). Save the file as UTF-8.") from error
