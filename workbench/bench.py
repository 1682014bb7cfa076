"""The objects that one process shares: the store, the job runner, the loaded LM, the keeper of consensus labels."""

from dataclasses import dataclass

from augment.hardware.cores import leave_a_core
from augment.lms.cache import LMCache
from storage import Store
from workbench.consensus import ConsensusKeeper
from workbench.jobs import JobRunner, is_worker_alive


@dataclass(frozen=True, slots=True)
class Workbench:
    """The objects that the whole process shares; `consensus` keeps the consensus labels of tasks current."""

    store: Store
    runner: JobRunner
    lms: LMCache
    consensus: ConsensusKeeper


def open_workbench(url: str | None = None) -> Workbench:
    """Open the store, mark runs of dead processes as interrupted, and create the runner."""
    leave_a_core()
    store = Store.open(url)
    store.interrupt_dead(is_worker_alive)
    return Workbench(store, JobRunner(store), LMCache(), ConsensusKeeper(store))
