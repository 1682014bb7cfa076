"""What one process shares: the store, the runner of background jobs and the LM that is loaded."""

from dataclasses import dataclass

from augment.hardware.cores import leave_a_core
from augment.lms.cache import LMCache
from storage import Store
from workbench.jobs import JobRunner, is_worker_alive


@dataclass(frozen=True, slots=True)
class Workbench:
    """What the whole process shares: the store, the runner of background jobs, the LM that is loaded."""

    store: Store
    runner: JobRunner
    lms: LMCache


def open_workbench(url: str | None = None) -> Workbench:
    """Open the store, mark what a dead process left running as interrupted, make the runner."""
    leave_a_core()
    store = Store.open(url)
    store.interrupt_dead(is_worker_alive)
    return Workbench(store, JobRunner(store), LMCache())
