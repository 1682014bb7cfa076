"""Applies what was done on the desk, each action once. A card whose decision was refused stays on the desk."""

from dataclasses import dataclass

from augment.errors import AugmentError, ConflictError
from augment.records import ReviewAction, ReviewStatus, StoredText, Verdict
from pages.parts.review.desk import DeskAction, read_actions
from pages.parts.review.history import ReviewHistory
from pages.parts.review.state import review_state, sent_by_desk, task_review
from pages.parts.review.wording import describe_undone
from pages.parts.reviewer import reviewer
from pages.parts.session import workbench
from storage.reviews.reviews import Reviews

DECISIONS = {"label": ReviewAction.RELABEL, "accept": ReviewAction.ACCEPT, "reject": ReviewAction.REJECT}


@dataclass(frozen=True, slots=True)
class ReviewContext:
    """What applying actions needs. Read before the first: Streamlit may end a script run when it reads the session."""

    reviews: Reviews
    history: ReviewHistory
    reviewer: str
    task_id: int


def apply_actions(task_id: int) -> None:
    """Apply the actions that the browser sent and that were not acknowledged yet."""
    state = review_state()
    context = ReviewContext(workbench().store.reviews, task_review(task_id).history, reviewer(), task_id)
    mount, actions = read_actions(sent_by_desk(), state.holder)
    numbers, refused = state.acknowledged.numbers, state.acknowledged.refused
    errors = []
    for action in actions:
        if action.number <= numbers.get(mount, 0):
            continue
        try:
            context.history.reach(action.text_id)
            if (mount, action.after) not in refused:
                state.card_undone.text = apply_action(action, context)
        except AugmentError as error:
            errors.append(str(error))
            refused.add((mount, action.number))
            if action.kind in DECISIONS:
                context.history.stay(action.text_id)
        finally:
            numbers[mount] = action.number
    if errors:
        state.card_error.text = " ".join(errors)


def apply_action(action: DeskAction, context: ReviewContext) -> str:
    """Apply one action; returns what an undo took back, in words.

    An action names the text that was on the card and its last event, so that a late or repeated one affects no other.
    """
    history, reviews = context.history, context.reviews
    if action.kind == "undo":
        return undo(context)
    if action.kind == "back":
        history.go_back()
    elif action.kind == "note":
        verdict = Verdict(ReviewAction.NOTE, note=action.note)
        reviews.decide(text_as_shown(action, context).id, verdict, reviewer=context.reviewer)
    elif action.kind in DECISIONS:
        decide(action, context)
        history.leave_decided(action.text_id)
    elif action.kind == "forth" and not action.is_blind and is_decided(action, context):
        history.leave_decided(action.text_id)
    else:
        history.skip(action.text_id)
    return ""


def is_decided(action: DeskAction, context: ReviewContext) -> bool:
    """Whether somebody has decided on the text."""
    return context.reviews.text(action.text_id).status is not ReviewStatus.PENDING


def text_as_shown(action: DeskAction, context: ReviewContext) -> StoredText:
    """The text as it was when the card showed it.

    Raises:
        ConflictError: another text has its id now, such as in another database at the same address.
    """
    shown = context.reviews.as_of(action.text_id, action.event_id)
    if not shown.text.startswith(action.text_start):
        raise ConflictError(
            f"'{action.text_start[:40]}' is not in this database, so the decision on it was not stored."
        )
    return shown


def decide(action: DeskAction, context: ReviewContext) -> None:
    """Store a decision on a text as the card showed it.

    Raises:
        ConflictError: somebody else decided in the meantime.
    """
    seen = text_as_shown(action, context)
    verdict = Verdict(DECISIONS[action.kind], action.label)
    if action.is_blind and verdict.action is ReviewAction.ACCEPT:  # of the label that was shown, not of somebody else's
        verdict = Verdict(ReviewAction.RELABEL, seen.proposed_label)
    seen_or_blind = None if action.is_blind else seen
    context.reviews.decide(action.text_id, verdict, reviewer=context.reviewer, seen=seen_or_blind)


def undo(context: ReviewContext) -> str:
    """Take back the last skip, or else this reviewer's last step, and show its card again."""
    history = context.history
    if history.was_skipped:
        history.unskip()
        return ""
    step = context.reviews.undo(context.task_id, reviewer=context.reviewer)
    if step is None:
        return ""
    if step.text_id is not None:
        history.insert(step.text_id)
    return describe_undone(step)
