"""One experiment on the Train page: how far it is, why runs failed, and what can be done with it."""

from dataclasses import dataclass

import streamlit as st

from augment.records import Experiment, RunFailures, RunKey, RunKind, RunStatus
from augment.wording import plural
from pages.parts.formats import STATUS_ICONS, escape_markdown, format_state, progress_share
from pages.parts.results.choice import name_experiment
from pages.parts.session import page_state, workbench
from workbench.comparisons import Comparison
from workbench.experiments import extend_experiment, name_experiment_variants, resume_experiment

N_REASONS = 3  # reasons of failed runs in sight; the others are folded away


@dataclass(slots=True)
class TrainState:
    """What the Train page remembers in this browser tab: the charts that are held."""

    held: Comparison | None = None


def train_state() -> TrainState:
    """The state of this browser tab."""
    return page_state("train_state", TrainState)


def show_experiment(experiment: Experiment) -> None:
    """One experiment: how far it is, and what can be done with it."""
    failures = workbench().store.experiments.failures(experiment.id)
    with st.container(border=True):
        left, right = st.columns([5, 3], vertical_alignment="center")
        left.markdown(f"**{escape_markdown(name_experiment(experiment))}** · {STATUS_ICONS[experiment.state.status]}")
        text = format_state(experiment.state, "runs")
        if experiment.state.message:
            text += f" · {experiment.state.message}"
        if experiment.state.status.is_active:
            left.progress(progress_share(experiment.state), text=escape_markdown(text))
        else:
            left.caption(escape_markdown(text))
        with right.container(horizontal=True, horizontal_alignment="right"):
            if experiment.state.status.is_active:
                _offer_stop(experiment)
            else:
                _offer_more(experiment, failures)
        _show_failures(experiment, failures)


def _offer_stop(experiment: Experiment) -> None:
    runner, key = workbench().runner, RunKey(RunKind.EXPERIMENT, experiment.id)
    if st.button("Pause", key=f"train_pause_{experiment.id}", icon=":material/pause:"):
        runner.pause(key)
    if st.button("Cancel", key=f"train_cancel_{experiment.id}", icon=":material/stop:"):
        runner.cancel(key)


def _offer_more(experiment: Experiment, failures: list[RunFailures]) -> None:
    """Resume, retry, extend or remove an experiment that is not running. Retry only where it can help."""
    n_retry = sum(failure.n_runs for failure in failures if failure.can_retry)
    n_failed = sum(failure.n_runs for failure in failures)
    has_left = n_retry > 0 or n_failed < experiment.state.n_total
    is_resumable = experiment.state.status is not RunStatus.DONE and has_left
    label = "Resume" if is_resumable else f"Retry {n_retry} failed" if n_retry else ""
    if label and st.button(label, key=f"train_resume_{experiment.id}", icon=":material/replay:"):
        resume_experiment(workbench(), experiment.id)
        st.rerun()
    with st.popover("More", icon=":material/more_horiz:"):
        n_more = st.number_input("More RNG seeds", 1, 50, 5, key=f"train_more_{experiment.id}")
        if st.button(f"Train {n_more} more per point", key=f"train_extend_{experiment.id}", icon=":material/add:"):
            extend_experiment(workbench(), experiment.id, n_more)
            st.rerun()
        st.divider()
        if st.button("Remove this experiment", key=f"train_remove_{experiment.id}", icon=":material/delete:"):
            workbench().store.experiments.remove(experiment.id)
            train_state().held = None
            st.rerun()


def _show_failures(experiment: Experiment, failures: list[RunFailures]) -> None:
    """Which variants' runs failed, and why; not where the experiment's own message is the only reason."""
    n_failed = sum(failure.n_runs for failure in failures)
    if not failures or (n_failed == experiment.state.n_total and len({failure.reason for failure in failures}) == 1):
        return
    names = name_experiment_variants(workbench(), experiment)
    st.markdown(f":material/error: {plural(n_failed, 'run')} of {experiment.state.n_total:,} failed:")
    sentences = [
        f"{names[failure.variant]}, {plural(failure.n_runs, 'run')}: {failure.reason}"
        + ("" if failure.can_retry else " Retrying would not help.")
        for failure in failures
    ]
    for sentence in sentences[:N_REASONS]:
        st.caption(escape_markdown(sentence))
    if len(sentences) > N_REASONS:
        with st.expander(f"{len(sentences) - N_REASONS} more"):
            for sentence in sentences[N_REASONS:]:
                st.caption(escape_markdown(sentence))
