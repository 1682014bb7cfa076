"""The job runner: order, cancelling and failures, with generators whose records are known."""

import os
import threading
import time
from collections.abc import Callable, Generator, Sequence

import pytest

from augment.errors import LMError
from augment.records import ExperimentProgress, GenerationProgress, MetricPoint, RunKey, RunKind, RunMeasured, RunStatus
from workbench.jobs import JobRunner, Progress, Record, is_worker_alive, worker_name

POINT = RunMeasured(7, MetricPoint(1, 0.5, 0.5, 0.5, 0.5))
A, B, C = (RunKey(RunKind.EXPERIMENT, i) for i in (1, 2, 3))


class ListSink:
    """Records all calls."""

    def __init__(self) -> None:
        self.states: list[tuple[RunKey, str]] = []
        self.messages: dict[RunKey, str] = {}
        self.written: list[tuple[RunKey, int, int]] = []
        self.fail_on_write = False

    def start_run(self, key: RunKey, worker: str) -> None:
        self.states.append((key, "running"))

    def write_run(self, key: RunKey, records: Sequence[Record], progress: Progress) -> None:
        if self.fail_on_write:
            raise LMError("The disk is full.")
        self.written.append((key, len(records), progress.n_done))

    def finish_run(self, key: RunKey, status: RunStatus, message: str) -> None:
        self.states.append((key, status.value))
        self.messages[key] = message


@pytest.fixture
def sink() -> ListSink:
    return ListSink()


def steps(
    n: int, *, before_each: Callable[[], object] = lambda: None
) -> Callable[[], Generator[Record | Progress, None, None]]:
    def work() -> Generator[Record | Progress, None, None]:
        for step in range(1, n + 1):
            before_each()
            yield POINT
            yield ExperimentProgress(step, n, float(step))

    return work


def test_jobs_run_in_order_and_records_arrive_with_their_progress(sink: ListSink) -> None:
    runner = JobRunner(sink)
    runner.submit(A, steps(2))
    runner.submit(B, steps(1))
    assert runner.wait(10)
    assert sink.states == [(A, "running"), (A, "done"), (B, "running"), (B, "done")]
    assert sink.written == [(A, 1, 1), (A, 1, 2), (B, 1, 1)]


def test_a_failing_job_does_not_block_the_next(sink: ListSink, caplog: pytest.LogCaptureFixture) -> None:
    def fail_with_an_lm_error() -> Generator[Record | Progress, None, None]:
        yield ExperimentProgress(0, 2, 0.0)
        raise LMError("The key was refused.")

    def fail_by_a_bug() -> Generator[Record | Progress, None, None]:
        yield ExperimentProgress(0, 2, 0.0)
        raise ZeroDivisionError

    runner = JobRunner(sink)
    runner.submit(A, fail_with_an_lm_error)
    runner.submit(B, fail_by_a_bug)
    runner.submit(C, steps(1))
    assert runner.wait(10)
    assert [state for state in sink.states if state[1] != "running"] == [(A, "failed"), (B, "failed"), (C, "done")]
    assert sink.messages[A] == "The key was refused."
    assert "ZeroDivisionError" in sink.messages[B]
    assert "Traceback" in caplog.text


def test_a_running_job_stops_after_its_batch_and_its_generator_is_closed(sink: ListSink) -> None:
    begun, go_on, closed = threading.Event(), threading.Event(), threading.Event()

    def work() -> Generator[Record | Progress, None, None]:
        try:
            for step in range(1, 100):
                begun.set()
                go_on.wait(10)
                yield POINT
                yield ExperimentProgress(step, 100, 0.0)
        finally:
            closed.set()

    runner = JobRunner(sink)
    runner.submit(A, work)
    assert begun.wait(10)
    assert runner.cancel(A)
    go_on.set()
    assert runner.wait(10)
    assert sink.states[-1] == (A, "cancelled")
    assert sink.written == [(A, 1, 1)]
    assert closed.wait(10)


def test_a_paused_job_is_marked_as_paused_and_the_queue_continues(sink: ListSink) -> None:
    runner, begun, release = JobRunner(sink), threading.Event(), threading.Event()

    def hold() -> None:
        begun.set()
        assert release.wait(5)

    runner.submit(A, steps(5, before_each=hold))
    runner.submit(B, steps(1))
    runner.submit(C, steps(1))
    assert begun.wait(5)
    assert runner.pause(A)
    assert runner.pause(C)  # it is still waiting, so it stops at once
    assert runner.is_stopping(A)
    release.set()
    assert runner.wait(5)
    assert [state for state in sink.states if state[1] != "running"] == [(C, "paused"), (A, "paused"), (B, "done")]
    assert [n for key, _, n in sink.written if key == A] == [1]
    assert sink.messages[C] == "Paused before it started."
    assert not runner.pause(A)


def test_a_waiting_job_is_cancelled_at_once(sink: ListSink) -> None:
    go_on = threading.Event()
    runner = JobRunner(sink)
    runner.submit(A, steps(1, before_each=lambda: go_on.wait(10)))
    runner.submit(B, steps(1))
    assert runner.cancel(B)
    assert (B, "cancelled") in sink.states
    go_on.set()
    assert runner.wait(10)
    assert (B, "running") not in sink.states
    assert not runner.cancel(A)


def test_a_cancel_after_the_last_step_leaves_the_run_done(sink: ListSink) -> None:
    runner = JobRunner(sink)

    def work() -> Generator[Record | Progress, None, None]:
        runner.cancel(A)
        yield GenerationProgress(1, 1, 1, 0.0)

    runner.submit(A, work)
    assert runner.wait(10)
    assert sink.states[-1] == (A, "done")


def test_a_sink_that_cannot_write_fails_the_run_with_its_message(sink: ListSink) -> None:
    sink.fail_on_write = True
    runner = JobRunner(sink)
    runner.submit(A, steps(3))
    assert runner.wait(10)
    assert sink.states[-1] == (A, "failed")
    assert sink.messages[A] == "The disk is full."


def test_this_process_is_alive_and_an_earlier_one_with_the_same_pid_is_not() -> None:
    name = worker_name()
    assert is_worker_alive(name)
    host, pid, _ = name.rsplit(":", 2)
    assert pid == str(os.getpid())
    assert not is_worker_alive(f"{host}:{pid}:{time.time() - 1e6:.2f}")
    assert not is_worker_alive(f"{host}:999999999:1.00")
    assert not is_worker_alive("")
    assert is_worker_alive("another-host:1:1.00")
