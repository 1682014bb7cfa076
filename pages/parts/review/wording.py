"""What was decided and undone, in words. Nothing here is escaped."""

from datetime import UTC, datetime

from augment.records import ReviewAction, ReviewEvent, ReviewStatus, ReviewStep
from augment.wording import plural
from pages.parts.formats import format_duration


def describe(event: ReviewEvent) -> str:
    """'relabelled anger → surprise', 'accepted as joy', 'text edited'."""
    if event.action in (ReviewAction.EDIT, ReviewAction.NOTE):
        return "text edited" if event.action is ReviewAction.EDIT else f"note '{event.note_after or ''}'"
    after = event.status_after.value
    if event.status_after is ReviewStatus.ACCEPTED:
        changed = event.label_before != event.label_after
        after = (
            f"relabelled {event.label_before} → {event.label_after}" if changed else f"accepted as {event.label_after}"
        )
    return f"undone, {after}" if event.action is ReviewAction.UNDO else after


def describe_step(step: ReviewStep | None) -> str:
    """'last: relabelled anger → surprise, 3 s ago'; '' where there is none."""
    if step is None:
        return ""
    ago = format_duration(max((datetime.now(UTC) - step.created_at).total_seconds(), 1))
    if step.n_events != 1:
        return f"last: {plural(step.n_events, 'text')} at once ({step.action.value}), {ago} ago"
    return f"last: {describe(step.event) if step.event else 'on a text that is gone'}, {ago} ago"


def describe_undone(step: ReviewStep) -> str:
    """'undone'; and how many texts stay as they are, since somebody decided on them afterwards."""
    if not step.n_events:
        return "Nothing undone: the text is gone, or somebody decided on it since, and that stays."
    text = "undone" if step.n_events == 1 else f"undone: {plural(step.n_events, 'text')} as before"
    return f"{text}; {step.n_kept:,} stay, as they were decided anew since" if step.n_kept else text
