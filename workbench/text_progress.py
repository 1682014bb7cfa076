"""How far a task's synthetic texts have come: reviewed, and included in an experiment. Reads the store."""

from collections.abc import Sequence

from augment.records import Experiment, ReviewStatus, Task
from augment.results.next_steps import DECIDED_USES, TextProgress
from workbench.bench import Workbench


def count_progress(bench: Workbench, task: Task) -> TextProgress:
    """The task's texts by what people and experiments have done with them.

    An experiment counts once a run of it is finished, and while it is queued or running. Decisions are new if the
    experiment that includes the most lacks them; texts are new if no variant draws from their generation run.
    """
    counts = bench.store.reviews.count_status(task.id)
    n_waiting = counts[ReviewStatus.PENDING]
    n_reviewed = sum(counts.values()) - n_waiting
    experiments = [
        experiment
        for experiment in bench.store.experiments.all(task.id)
        if experiment.state.status.is_active or experiment.state.n_done
    ]
    included = {
        run_id
        for experiment in experiments
        for stored in experiment.variants
        for run_id in stored.variant.generation_run_ids
    }
    runs = bench.store.generations.all(task.id)
    return TextProgress(
        n_waiting,
        n_reviewed,
        sum(run.n_texts for run in runs if run.id not in included),
        max(0, n_reviewed - _count_decisions(experiments)),
    )


def _count_decisions(experiments: Sequence[Experiment]) -> int:
    """The most decisions that one experiment includes; variants of fewer generation runs do not count twice."""
    most = 0
    for experiment in experiments:
        by_runs = {
            frozenset(stored.variant.generation_run_ids): stored.n_decisions
            for stored in experiment.variants
            if stored.variant.use in DECIDED_USES
        }
        widest = [runs for runs in by_runs if not any(runs < other for other in by_runs)]
        most = max(most, sum(by_runs[runs] for runs in widest))
    return most
