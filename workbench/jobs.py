"""The job runner: runs generators of records in a background thread and passes the records to a sink.

Knows neither what a run does nor where its records go. One worker thread takes jobs in order, since they share one
machine; a failed job does not block the next one. All state that outlives the process is in the sink.
"""

import logging
import os
import socket
from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from threading import Condition, Thread
from typing import Protocol

import psutil

from augment.errors import AugmentError
from augment.records import (
    ExperimentProgress,
    ExperimentRecord,
    GenerationProgress,
    LabellingProgress,
    LabelOpinion,
    Reject,
    RunKey,
    RunStatus,
    SyntheticText,
)

Record = SyntheticText | Reject | LabelOpinion | ExperimentRecord
Progress = GenerationProgress | LabellingProgress | ExperimentProgress
Work = Callable[[], Generator[Record | Progress, None, None]]

log = logging.getLogger(__name__)


class Sink(Protocol):
    """Where a job's records and state go. Called from the worker thread."""

    def start_run(self, key: RunKey, worker: str) -> None:
        """Mark the run as started."""
        ...

    def write_run(self, key: RunKey, records: Sequence[Record], progress: Progress) -> None:
        """Store records and progress, together or not at all."""
        ...

    def finish_run(self, key: RunKey, status: RunStatus, message: str) -> None:
        """Mark the run as ended."""
        ...


@dataclass(slots=True)
class _Job:
    key: RunKey
    work: Work
    stops_as: RunStatus | None = None  # the requested end status; checked after each batch or step


class JobRunner:
    """Runs jobs one after the other in a daemon thread, which starts with the first job."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._waiting: deque[_Job] = deque()
        self._current: _Job | None = None
        self._changed = Condition()
        self._thread: Thread | None = None

    def submit(self, key: RunKey, work: Work) -> None:
        """Queue `work`; the generator is created and run in the worker thread."""
        with self._changed:
            self._waiting.append(_Job(key, work))
            if self._thread is None:
                self._thread = Thread(target=self._run, name="jobs", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def cancel(self, key: RunKey) -> bool:
        """Stop the run: at once if queued, after its current batch or step if running; False if it is neither."""
        return self._stop(key, RunStatus.CANCELLED)

    def pause(self, key: RunKey) -> bool:
        """Like `cancel`, but the run is marked as paused; the runs behind it in the queue continue."""
        return self._stop(key, RunStatus.PAUSED)

    def _stop(self, key: RunKey, status: RunStatus) -> bool:
        with self._changed:
            waiting = next((job for job in self._waiting if job.key == key), None)
            if waiting is not None:
                self._waiting.remove(waiting)
            elif self._current is not None and self._current.key == key:
                self._current.stops_as = status
                return True
        if waiting is not None:
            self._sink.finish_run(key, status, f"{status.value.capitalize()} before it started.")
        return waiting is not None

    def is_stopping(self, key: RunKey) -> bool:
        """Whether the run was cancelled or paused and is still finishing its current batch or step."""
        current = self._current
        return current is not None and current.key == key and current.stops_as is not None

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until no job is running or queued; False if that takes longer than `timeout_s`."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and self._current is None, timeout_s)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._waiting))
                job = self._current = self._waiting.popleft()
            try:
                status, message = self._drive(job)
                self._finish(job.key, status, message)
            finally:
                with self._changed:
                    self._current = None
                    self._changed.notify_all()

    def _drive(self, job: _Job) -> tuple[RunStatus, str]:
        """Run one job to its end; an error becomes its status."""
        message = ""
        try:
            self._sink.start_run(job.key, worker_name())
            pending: list[Record] = []
            with closing(job.work()) as items:
                for item in items:
                    if not isinstance(item, Progress):
                        pending.append(item)
                        continue
                    self._sink.write_run(job.key, pending, item)
                    pending, message = [], item.message
                    if job.stops_as is not None and item.n_done < item.n_total:
                        return job.stops_as, f"{job.stops_as.value.capitalize()}. Stored results are kept."
        except AugmentError as error:
            return RunStatus.FAILED, str(error)
        except Exception as error:  # a bug must end this job, not the worker; the log has its traceback
            log.exception("%s failed", job.key.name)
            return (
                RunStatus.FAILED,
                f"Unexpected {type(error).__name__}; see the log for details. Stored results are kept.",
            )
        return RunStatus.DONE, message

    def _finish(self, key: RunKey, status: RunStatus, message: str) -> None:
        try:
            self._sink.finish_run(key, status, message)
        except Exception:  # such as a full disk: the run stays 'running' and becomes interrupted at the next start
            log.exception("The end of %s could not be stored", key.name)


def worker_name() -> str:
    """A unique name of this process: host:pid:start time, since process ids are reused."""
    return f"{socket.gethostname()}:{os.getpid()}:{psutil.Process().create_time():.2f}"


def is_worker_alive(name: str) -> bool:
    """Whether the process with this `worker_name` is still running. One on another host counts as alive."""
    host, pid, started = [*name.rsplit(":", 2), "", ""][:3]
    if not pid:
        return False
    if host != socket.gethostname():
        return True
    try:
        return f"{psutil.Process(int(pid)).create_time():.2f}" == started
    except (psutil.NoSuchProcess, ValueError):
        return False
