"""How pages write things: numbers, durations, the state of a run, and untrusted text that Markdown must leave alone."""

import re

from augment.generation.yields import MIN_TIMED_S
from augment.records import Finding, RunState, RunStatus, SeedSet

STATUS_ICONS = {
    RunStatus.QUEUED: ":material/hourglass_empty: queued",
    RunStatus.RUNNING: ":material/progress_activity: running",
    RunStatus.DONE: ":material/check: done",
    RunStatus.PAUSED: ":material/pause_circle: paused",
    RunStatus.CANCELLED: ":material/block: cancelled",
    RunStatus.FAILED: ":material/error: failed",
    RunStatus.INTERRUPTED: ":material/power_off: interrupted",
}


def escape_markdown(text: str) -> str:
    """`text` so that Markdown shows it literally: no links, images, directives or emphasis."""
    # A zero-width space keeps addresses from becoming links, which Markdown makes of them even when escaped.
    unlinked = re.sub(r"(?<=:)(?=//)|(?<=www)(?=\.)|(?=@)", "\u200b", text)
    return re.sub(r"([\\`*_{}\[\]()#+\-.!|<>~$:@/])", r"\\\1", unlinked).replace("\n", " ")


def name_flag(flag: Finding) -> str:
    """'near-duplicate (93% like …)'; not escaped."""
    return f"{flag.reason} ({flag.detail})"


def name_seed_set(seed_set: SeedSet) -> str:
    """'3 · 30 seeds, RNG seed 0'; not escaped."""
    return f"{seed_set.id} · {seed_set.name}"


def format_duration(seconds: float) -> str:
    """'0.4 s', '8 s', '3 min 20 s', '1 h 5 min'; 'less than 0.1 s'."""
    if seconds < 1:
        return f"{seconds:.1f} s" if seconds >= 0.1 else "less than 0.1 s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def format_state(state: RunState, unit: str) -> str:
    """'34 of 50 texts · 2.9 texts/s · 6 s left', as far as it is known."""
    parts = [f"{state.n_done:,} of {state.n_total:,} {unit}"]
    if state.elapsed_s >= MIN_TIMED_S and state.n_done:
        parts.append(format_rate(state.n_done / state.elapsed_s, unit))
    if state.eta_s is not None:
        parts.append(f"{format_duration(state.eta_s)} left")
    elif state.finished_at and state.elapsed_s:
        parts.append(f"took {format_duration(state.elapsed_s)}")
    return " · ".join(parts)


def format_rate(per_s: float, unit: str) -> str:
    """'120 texts/s', '2.9 texts/s'; below 0.5 per second, the time for each: '6.4 s per run'."""
    if per_s < 0.5:
        return f"{1 / per_s:.1f} s per {unit.removesuffix('s')}"
    return f"{per_s:,.0f} {unit}/s" if per_s >= 100 else f"{per_s:.1f} {unit}/s"


def progress_share(state: RunState) -> float:
    """How much of a run is done, 0 to 1."""
    return min(state.n_done / state.n_total, 1.0) if state.n_total else 0.0
