"""Which experiments the Results page compares, and by which metric: widgets and the page's address."""

from collections.abc import Sequence

import streamlit as st

from augment.records import Experiment, Task
from augment.results.variants import name_recipe
from augment.wording import METRICS, plural
from pages.parts.session import workbench
from workbench.comparisons import Comparison, compare, list_comparable


def choose_comparison(task: Task) -> Comparison | None:
    """One experiment, or all experiments of one recipe; None where no training run is finished yet."""
    options = list_comparable(workbench(), task.id)
    if not options:
        return None
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
            help="Choose one experiment, or all with the same recipe. Results with different encoders, numbers of "
            "steps or seed sets are not comparable.",
        )
    return compare(workbench(), chosen)


def choose_metric() -> str:
    """Macro-F1 or accuracy."""
    return st.segmented_control(
        "Metric",
        list(METRICS),
        default="macro_f1",
        required=True,
        format_func=METRICS.__getitem__,
        key="results_metric",
        label_visibility="collapsed",
    )


def name_option(option: Sequence[Experiment]) -> str:
    """'3 · 65 runs · 22 Nov 19:30', or 'All 3 experiments with MiniLM · 125 steps …'."""
    if len(option) > 1:
        return f"All {len(option)} experiments with {name_recipe(option[0])}"
    return name_experiment(option[0])


def name_experiment(experiment: Experiment) -> str:
    """'3 · joy and anger · 65 runs · 22 Nov 19:30 UTC'."""
    name = f" · {experiment.name}" if experiment.name else ""
    n_runs = plural(experiment.state.n_total, "run")
    return f"{experiment.id}{name} · {n_runs} · {experiment.created_at:%d %b %H:%M} UTC"


def _experiment_in_address() -> int | None:
    value = st.query_params.get("experiment", "")
    return int(value) if value.isdecimal() else None
