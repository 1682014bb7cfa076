"""What the Review page remembers in this browser tab. Other pages call `open_queue`; nobody else uses its keys."""

from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import streamlit as st

from augment.records import QueueOrder, TextFilters
from pages.parts.review.history import ReviewHistory
from pages.parts.review.orders import DEFAULT_ORDER, parse_order
from pages.parts.session import page_state

# Widgets whose values code reads or sets.
VIEW = "review_view"
ORDER = "review_order"
MORE = "review_more"
DESK = "review_desk"
IMPORT_ACCEPTS = "review_import_accepts"
CARD, TABLE, LABELS, WORTH, EXCHANGE = "Card", "Table", "Labels", "Was it worth it", "Export and import"

EVERY_PROBABILITY = (0.0, 1.0)
FILTERS = {  # of each filter's widget, its value when it filters nothing; the first three are always in sight
    "review_search": "",
    "review_status": None,
    "review_label": None,
    "review_lm": None,
    "review_strategy": None,
    "review_run": None,
    "review_prompt": None,
    "review_flag": None,
    "review_confidence": EVERY_PROBABILITY,
    "review_disputed": False,
}
N_IN_SIGHT = 3


@dataclass(slots=True)
class Notice:
    """A sentence that is shown once."""

    text: str = ""

    def take(self) -> str:
        """The sentence, if it was not shown yet."""
        text, self.text = self.text, ""
        return text


@dataclass(slots=True)
class AcknowledgedActions:
    """Up to which number the actions of each mount of the desk are applied, and which of them were refused."""

    numbers: dict[str, int] = field(default_factory=dict)
    refused: set[tuple[str, int]] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found in an imported file, or why nothing was, and for which file and choices (`key`)."""

    key: tuple[object, ...]
    found: Any = None
    error: str = ""


@dataclass(slots=True)
class ReviewState:
    """What does not depend on the task. `holder` is the tab's name in the queue."""

    holder: str = field(default_factory=lambda: uuid4().hex)
    n_views: int = 0  # views that the desk was sent
    acknowledged: AcknowledgedActions = field(default_factory=AcknowledgedActions)
    card_error: Notice = field(default_factory=Notice)
    card_undone: Notice = field(default_factory=Notice)
    table_error: Notice = field(default_factory=Notice)
    table_undone: Notice = field(default_factory=Notice)
    import_stored: Notice = field(default_factory=Notice)
    n_imports: int = 0  # empties the uploader after each import
    labels_stored: Notice = field(default_factory=Notice)
    n_label_imports: int = 0
    findings: dict[str, Finding] = field(default_factory=dict)


@dataclass(slots=True)
class TaskReview:
    """What belongs to one task: the way through its cards, and what is selected in its table.

    `queue` is the request that the cards answer; `opened_id` is a text that the next card is to show. `all_matching`
    is set while every text that matches these filters is selected; `grid_version` empties the grid of edits and ticks.
    """

    history: ReviewHistory = field(default_factory=ReviewHistory)
    queue: tuple[TextFilters, QueueOrder] | None = None
    opened_id: int | None = None
    ticked_ids: frozenset[int] = frozenset()
    all_matching: TextFilters | None = None
    grid_version: int = 0

    def clear_selection(self) -> None:
        """Begin a new grid in which nothing is selected."""
        self.grid_version += 1
        self.ticked_ids, self.all_matching = frozenset(), None


def review_state() -> ReviewState:
    """The state of this browser tab."""
    return page_state("review_state", ReviewState)


def task_review(task_id: int) -> TaskReview:
    """The state of this browser tab about one task."""
    return page_state(f"review_{task_id}_state", TaskReview)


def sent_by_desk() -> object:
    """What the desk in the browser sent last, unchecked."""
    return (st.session_state.get(DESK) or {}).get("sent")


def grid_edits(key: str) -> dict[int, dict[str, object]]:
    """What was changed in the cells of a grid: values by column, by the row's position."""
    edits: dict[int, dict[str, object]] = st.session_state[key]["edited_rows"]
    return edits


def accepts_imported() -> bool:
    """Whether imported labels accept their texts: the checkbox as it is before it is drawn."""
    return bool(st.session_state.get(IMPORT_ACCEPTS, True))


# The queue's order and the open tab ----------------------------------------------------------------------------------


def chosen_order() -> QueueOrder:
    """The order of the queue: as chosen, at first as the address says."""
    if st.session_state.get(ORDER) is None:
        use_order(parse_order(st.query_params.get("order", "")) or DEFAULT_ORDER)
    order: QueueOrder = st.session_state[ORDER]
    return order


def has_order() -> bool:
    """Whether an order was chosen in this tab or is in the address."""
    return st.session_state.get(ORDER) is not None or parse_order(st.query_params.get("order", "")) is not None


def use_order(order: QueueOrder) -> None:
    """Show cards in this order from now on."""
    st.session_state[ORDER] = order


def open_queue(order: QueueOrder) -> None:
    """Show cards in this order when the Review page opens; for other pages."""
    use_order(order)
    st.session_state[VIEW] = CARD


def open_labels() -> None:
    """Show the label sources when the Review page opens; for other pages."""
    st.session_state[VIEW] = LABELS


def open_card(task_id: int, text_id: int) -> None:
    """Show this text as the next card, whatever the filters are; a button's callback."""
    task_review(task_id).opened_id = text_id
    st.session_state[VIEW] = CARD


def close_more() -> None:
    """Close the menu over the table."""
    st.session_state[MORE] = False


# Filters -------------------------------------------------------------------------------------------------------------


def count_filters(*, in_sight: bool) -> int:
    """How many filters are set, of those that are always in sight or of the others."""
    keys = list(FILTERS)[:N_IN_SIGHT] if in_sight else list(FILTERS)[N_IN_SIGHT:]
    return sum(st.session_state.get(key) not in (None, FILTERS[key]) for key in keys)


def clear_filters() -> None:
    """Filter nothing; a button's callback."""
    st.session_state.update(FILTERS)  # deleting the values would bring back what the browser still shows
