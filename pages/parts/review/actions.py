"""What was done on the desk, each act once: decisions are stored, the trail goes on, a refused card stays there."""

from dataclasses import dataclass, field

import streamlit as st

from augment.errors import AugmentError, ConflictError
from augment.records import ReviewAction, ReviewStatus, StoredText, Verdict
from pages.parts.review.desk import Act, read_sent
from pages.parts.review.history import Trail
from pages.parts.review.queue import holder, review_trail
from pages.parts.review.wording import describe_undone
from pages.parts.reviewer import reviewer
from pages.parts.session import workbench
from storage.reviews.reviews import Reviews

ACTIONS = {"label": ReviewAction.RELABEL, "accept": ReviewAction.ACCEPT, "reject": ReviewAction.REJECT}


@dataclass(slots=True)
class Heard:
    """How far the acts of each mount of the desk are done, and which of them were refused."""

    done: dict[str, int] = field(default_factory=dict)
    refused: set[tuple[str, int]] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Hand:
    """What an act needs. Read before any is done: Streamlit may end a run wherever it reads the session."""

    reviews: Reviews
    trail: Trail
    reviewer: str
    task_id: int


def take_in(task_id: int) -> None:
    """Do what was done on the desk and not yet told."""
    mount, acts = read_sent(holder())
    told = heard()
    hand = Hand(workbench().store.reviews, review_trail(), reviewer(), task_id)
    said, errors = "", []
    for act in (one for one in acts if one.number > told.done.get(mount, 0)):
        try:
            hand.trail.reach(act.text_id)
            if (mount, act.after) not in told.refused:
                said = do(act, hand)
        except AugmentError as error:
            errors.append(str(error))
            told.refused.add((mount, act.number))
            if act.kind in ACTIONS:
                hand.trail.stay(act.text_id)
        finally:
            told.done[mount] = act.number
    if said:
        st.session_state["review_undone"] = said
    if errors:
        st.session_state["review_error"] = " ".join(errors)


def heard() -> Heard:
    """How far this session is."""
    told: Heard = st.session_state.setdefault("review_heard", Heard())
    return told


def do(act: Act, hand: Hand) -> str:
    """One act; what an undo took back, in words.

    It names the text that was on the card, and how it stood there: a late or double one hits no other.
    """
    trail, reviews = hand.trail, hand.reviews
    if act.kind == "undo":
        return undo(hand)
    if act.kind == "back":
        trail.go_back()
    elif act.kind == "note":
        reviews.decide(as_shown(act, hand).id, Verdict(ReviewAction.NOTE, note=act.note), reviewer=hand.reviewer)
    elif act.kind in ACTIONS:
        decide(act, hand)
        trail.go_on(act.text_id)
    elif act.kind == "forth" and not act.is_blind and reviews.text(act.text_id).status is not ReviewStatus.PENDING:
        trail.go_on(act.text_id)
    else:
        trail.skip(act.text_id)
    return ""


def as_shown(act: Act, hand: Hand) -> StoredText:
    """The text as it stood when it was shown.

    Raises:
        ConflictError: another text has its id by now, such as in another database under the same address.
    """
    shown = hand.reviews.as_of(act.text_id, act.event_id)
    if not shown.text.startswith(act.begins):
        raise ConflictError(f"'{act.begins[:40]}' is not in this database: what was decided on it is not stored.")
    return shown


def decide(act: Act, hand: Hand) -> None:
    """Store a decision on a text as it was shown.

    Raises:
        ConflictError: somebody else decided meanwhile.
    """
    seen, action, label = as_shown(act, hand), ACTIONS[act.kind], act.label
    if act.is_blind and action is ReviewAction.ACCEPT:  # of what was shown, not of what somebody else made of it
        action, label = ReviewAction.RELABEL, seen.proposed_label
    verdict = Verdict(action, label)
    hand.reviews.decide(act.text_id, verdict, reviewer=hand.reviewer, seen=None if act.is_blind else seen)


def undo(hand: Hand) -> str:
    """Take back the last skip, or this reviewer's last step, and show its card again."""
    trail = hand.trail
    if trail.has_skipped:
        trail.passed.pop()
        trail.go_back()
        return ""
    step = hand.reviews.undo(hand.task_id, reviewer=hand.reviewer)
    if step is None:
        return ""
    if step.text_id is not None:
        trail.insert(step.text_id)
    return describe_undone(step)
