"""What the Train, Results, Overview and Presentation pages look at: experiments, their runs, their charts' styles."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import streamlit as st

from augment.records import Arm, Experiment, RunStatus, Split, Task, TrainingRun
from augment.results.charts.styles import ArmStyle, arm_styles
from augment.results.comparison import compare_at_largest, compare_with_baseline
from augment.results.report.build import ReportData
from augment.results.variants import REAL_TEXTS, SEEDS_ONLY, name_kind, name_recipe, split_kind
from augment.wording import plural
from pages.parts.session import workbench

N_SAMPLES = 5


@dataclass(frozen=True, slots=True)
class Comparison:
    """Finished runs that may be compared, the arms they belong to, and where they come from."""

    experiments: tuple[Experiment, ...]
    runs: tuple[TrainingRun, ...]

    @property
    def numbered(self) -> tuple[str, ...]:
        """Names of arms that bear their experiment's number here and nowhere else."""
        return tuple(arm.name for arm in self.arms) if len(self.experiments) > 1 else ()

    @property
    def arms(self) -> tuple[Arm, ...]:
        """The arms of all its experiments."""
        return tuple(arm for experiment in self.experiments for arm in experiment.arms)


def compare(experiments: Sequence[Experiment]) -> Comparison:
    """The finished runs of some experiments of one recipe.

    Arms of the same name in two experiments have other texts or labels: each then bears its experiment's number.
    """
    store = workbench().store
    seen = Counter(name for one in experiments for name in {arm.name for arm in one.arms})
    named = tuple(
        replace(one, arms=tuple(replace(arm, name=_number(arm.name, one.id, seen)) for arm in one.arms))
        for one in experiments
    )
    runs = [run for one in experiments for run in store.experiments.runs(one.id, status=RunStatus.DONE)]
    return Comparison(
        named,
        tuple(replace(run, arm=_number(run.arm, run.experiment_id, seen)) for run in runs if run.last is not None),
    )


def _number(name: str, experiment_id: int, seen: Counter[str]) -> str:
    """'GPT-J · raw (3) · linear probe' where several experiments have that arm."""
    if seen[name] < 2:
        return name
    texts, kind = split_kind(name)
    return name_kind(f"{texts} ({experiment_id})", kind)


def choose_comparison(task: Task) -> Comparison | None:
    """One experiment, or all of one recipe; None where no run is finished yet."""
    experiments = workbench().store.experiments.list_finished(task.id)
    if not experiments:
        return None
    options: list[tuple[Experiment, ...]] = [(one,) for one in experiments]
    by_recipe: dict[str, list[Experiment]] = {}
    for one in experiments:
        by_recipe.setdefault(name_recipe(one), []).append(one)
    options += [tuple(group) for group in by_recipe.values() if len(group) > 1]
    wanted = _experiment_in_address()
    index = next((i for i, option in enumerate(options) if len(option) == 1 and option[0].id == wanted), 0)
    chosen = options[0]
    if len(options) > 1:
        chosen = st.selectbox(
            "Experiment",
            options,
            index=index,
            format_func=name_option,
            key=f"comparison_{task.id}_{len(options)}",
            help="One experiment, or all that share a recipe: other encoders or steps cannot be compared",
        )
    return compare(chosen)


def _experiment_in_address() -> int | None:
    value = st.query_params.get("experiment", "")
    return int(value) if value.isdecimal() else None


def name_option(option: Sequence[Experiment]) -> str:
    """'3 · 65 runs · 22 Nov 19:30', or 'All 3 experiments with MiniLM · 125 steps …'."""
    if len(option) > 1:
        return f"All {len(option)} experiments with {name_recipe(option[0])}"
    return name_experiment(option[0])


def name_experiment(one: Experiment) -> str:
    """'3 · joy and anger · 65 runs · 22 Nov 19:30 UTC'."""
    name = f" · {one.name}" if one.name else ""
    return f"{one.id}{name} · {plural(one.state.n_total, 'run')} · {one.created_at:%d %b %H:%M} UTC"


def styles_of(task: Task, more: Sequence[str] = ()) -> dict[str, ArmStyle]:
    """Each arm's look, the same on every page: by the order in which the task's arms were made, then of `more`."""
    return arm_styles([*workbench().store.experiments.arm_names(task.id), *more])


def majority_of(task: Task) -> float | None:
    """Accuracy of always giving the test split's commonest label; None without a test split."""
    counts = list(test_counts(task).values())
    return max(counts) / sum(counts) if sum(counts) else None


def test_counts(task: Task) -> dict[str, int]:
    """Test texts a label."""
    counts = workbench().store.tasks.count_examples(task.id)
    return {label: counts.get((Split.TEST, label), 0) for label in task.labels}


def list_points(runs: Sequence[TrainingRun]) -> dict[str, list[int]]:
    """Ids of the runs of each point, by its title: the best arm (at its largest size), the baselines, then the others.

    One run an RNG seed: two experiments train the same baseline twice. Real texts are the ceiling and never the best.
    """
    found: dict[tuple[str, int], dict[int, int]] = {}
    for run in runs:
        found.setdefault((run.arm, run.n_synthetic), {}).setdefault(run.config.rng_seed, run.id)
    gains = sorted(
        compare_at_largest(compare_with_baseline(runs, "macro_f1")),
        key=lambda one: (not one.arm.startswith(REAL_TEXTS), one.interval.mean),
        reverse=True,
    )
    first = [(one.arm, one.n_synthetic) for one in gains]
    baselines = [point for point in found if point[1] == 0]
    order = dict.fromkeys([*first[:1], *baselines, *first[1:], *sorted(found)])
    return {_title(arm, n): list(found[arm, n].values()) for arm, n in order if (arm, n) in found}


def _title(arm: str, n: int) -> str:
    return f"{arm}, {n} texts" if n else arm


def gather_report(task: Task, experiment: Experiment) -> ReportData:
    """Everything that the report of an experiment tells."""
    store = workbench().store
    runs = store.experiments.runs(experiment.id)
    finished = [run for run in runs if run.state.status is RunStatus.DONE and run.last is not None]
    points = list_points(finished)
    titles = list(points)[:1] + [title for title in points if title.startswith(SEEDS_ONLY)]
    counts = store.experiments.count_arm_labels(experiment.id)
    return ReportData(
        task=task,
        experiment=experiment,
        seed_set=store.tasks.seed_set(experiment.config.seed_set_id),
        runs=runs,
        predictions={title: store.trainings.predictions(points[title]) for title in dict.fromkeys(titles)},
        label_counts={arm.name: counts[arm.id] for arm in experiment.arms if arm.id in counts}
        | {"test split": test_counts(task)},
        samples={
            arm.name: store.experiments.arm_texts(arm.id, limit=N_SAMPLES)
            for arm in experiment.arms
            if arm.id in counts
        },
        test_counts=test_counts(task),
        created_at=datetime.now(UTC),
    )
