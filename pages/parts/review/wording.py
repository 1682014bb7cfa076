"""What was decided and undone, in words. Nothing here is escaped."""

from datetime import UTC, datetime

from augment.records import ReviewAction, ReviewEvent, ReviewStatus, ReviewStep
from augment.wording import plural
from pages.parts.formats import format_duration


def describe(event: ReviewEvent) -> str:
    """'relabelled anger → surprise', 'accepted as joy', 'text edited'."""
    before, after = event.change.before, event.change.after
    if event.action in (ReviewAction.EDIT, ReviewAction.NOTE):
        return "text edited" if event.action is ReviewAction.EDIT else f"note '{after.note or ''}'"
    outcome = after.status.value
    if after.status is ReviewStatus.ACCEPTED:
        is_relabelled = before.label != after.label
        outcome = f"relabelled {before.label} → {after.label}" if is_relabelled else f"accepted as {after.label}"
    return f"undone, {outcome}" if event.action is ReviewAction.UNDO else outcome


def describe_step(step: ReviewStep | None) -> str:
    """'last: relabelled anger → surprise, 3 s ago'; '' where there is none."""
    if step is None:
        return ""
    ago = format_duration(max((datetime.now(UTC) - step.created_at).total_seconds(), 1))
    if step.n_events != 1:
        return f"last: {plural(step.n_events, 'text')} at once ({step.action.value}), {ago} ago"
    return f"last: {describe(step.event) if step.event else 'a decision on a text that is gone'}, {ago} ago"


def describe_undone(step: ReviewStep) -> str:
    """'undone'; and how many texts stay as they are, since somebody decided on them afterwards."""
    if not step.n_events:
        return "Nothing was undone: the text is gone, or somebody has decided on it since."
    text = "undone" if step.n_events == 1 else f"undone: {plural(step.n_events, 'text')} as before"
    return f"{text}; {step.n_kept:,} stay, because somebody decided on them again" if step.n_kept else text
