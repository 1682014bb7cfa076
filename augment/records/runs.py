"""What runs of all kinds have in common."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class RunStatus(StrEnum):
    """The status of a generation or training run."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    FAILED = "failed"
    INTERRUPTED = "interrupted"

    @property
    def is_active(self) -> bool:
        """Whether a job is working on the run, or will."""
        return self in (RunStatus.QUEUED, RunStatus.RUNNING)


class RunKind(StrEnum):
    """What a job does."""

    GENERATION = "generation"
    EXPERIMENT = "experiment"
    LABELLING = "labelling"


@dataclass(frozen=True, slots=True)
class RunState:
    """The state of a run of any kind. `elapsed_s` is working time in seconds."""

    status: RunStatus
    message: str
    n_done: int
    n_total: int
    elapsed_s: float
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @property
    def eta_s(self) -> float | None:
        """Seconds left at the rate so far; None before the first unit is done or when nothing runs."""
        if self.status is not RunStatus.RUNNING or not self.n_done or self.elapsed_s <= 0:
            return None
        return self.elapsed_s / self.n_done * max(self.n_total - self.n_done, 0)


@dataclass(frozen=True, slots=True)
class RunKey:
    """Identifies one run for the job runner and its sink."""

    kind: RunKind
    id: int

    @property
    def name(self) -> str:
        """'generation run 3', 'labelling run 3', 'experiment 3'."""
        return f"{self.kind.value} {self.id}" if self.kind is RunKind.EXPERIMENT else f"{self.kind.value} run {self.id}"
