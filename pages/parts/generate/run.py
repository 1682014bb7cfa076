"""One generation run, live while it goes on: progress, yield, label balance, newest texts and rejects."""

from dataclasses import replace

import pandas as pd
import streamlit as st

from augment.generation.generate import label_quotas
from augment.generation.yields import describe_yield, find_drift, funnel_stages
from augment.records import (
    GenerationConfig,
    GenerationRun,
    RejectReason,
    ReviewStatus,
    RunKey,
    RunKind,
    RunStatus,
    Task,
)
from augment.results.charts.counts import label_shares, yield_funnel
from augment.wording import plural
from pages.parts.formats import STATUS_ICONS, escape_markdown, format_state, name_flag, progress_share
from pages.parts.language_models import key_for
from pages.parts.layout import showing_errors
from pages.parts.session import workbench
from workbench.generation import extend_generation, resume_generation

CONSENSUS_EVERY_S = 2.0
TABLE_HEIGHT = 340
N_NEWEST = 100
RESUMABLE = (RunStatus.INTERRUPTED, RunStatus.PAUSED, RunStatus.CANCELLED, RunStatus.FAILED)
BLANK = "\u00a0"  # keeps the line's height, so that nothing jumps


def live_run(run_id: int, task: Task) -> None:
    """`show_run` as a fragment, which shows its own errors."""
    with showing_errors():
        show_run(run_id, task)


def show_run(run_id: int, task: Task) -> None:
    """The run as it is now."""
    store = workbench().store
    run = store.generations.get(run_id)
    rejects = store.generations.count_rejects(run.id)
    accepted = sum(store.generations.count_labels(run.id, status=ReviewStatus.ACCEPTED).values())
    if not run.state.status.is_active:
        workbench().consensus.refresh(task, every_s=CONSENSUS_EVERY_S)  # Review opens with it
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(
                f"**Generation run {run.id}** · {escape_markdown(run.writer.name)} · {STATUS_ICONS[run.state.status]}",
                width="stretch",
            )
            _show_buttons(run)
        st.progress(progress_share(run.state), text=escape_markdown(format_state(run.state, "texts")))
        st.caption(escape_markdown(run.state.message or _name_place_in_queue(run)) or BLANK)
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown(f"**Yield**: from {'attempted' if run.config else 'kept'} to accepted")
        st.plotly_chart(
            yield_funnel(funnel_stages(run, rejects, accepted)),
            key="generate_funnel",
            alt="How many completions reach each stage",
            config={"displayModeBar": False},
        )
        st.caption(escape_markdown(describe_yield(run, accepted)) or BLANK)
    with right:
        _show_balance(run, task)
    _show_texts(run, rejects)


def _show_balance(run: GenerationRun, task: Task) -> None:
    """Labels of the run's texts beside the wanted shares or, where none were set, the seeds'."""
    groups = _balance(run)
    against = {"wanted": ", compared with the wanted shares", "seeds": ", compared with the seeds"}
    st.markdown("**Label balance**" + next((words for name, words in against.items() if name in groups), ""))
    st.plotly_chart(
        label_shares(groups, task.labels),
        key="generate_balance",
        alt="Share of each label",
        config={"displayModeBar": False},
    )
    drift = find_drift(run, groups["synthetic"], groups.get("seeds", {}))
    st.caption(f":material/warning: {escape_markdown(drift)}" if drift else BLANK)


def _balance(run: GenerationRun) -> dict[str, dict[str, int]]:
    store = workbench().store
    groups = {"synthetic": store.generations.count_labels(run.id)}
    if run.config is not None and run.config.label_shares is not None:
        quotas = label_quotas(run.config) or []
        groups["wanted"] = dict(zip(run.config.labels, quotas, strict=True))
    elif run.seed_set_id is not None:
        labels = [example.label for example in store.tasks.seed_set(run.seed_set_id).examples]
        groups["seeds"] = {label: labels.count(label) for label in dict.fromkeys(labels)}
    return groups


# Texts and rejects ---------------------------------------------------------------------------------------------------


def _show_texts(run: GenerationRun, rejects: dict[RejectReason, int]) -> None:
    """The newest texts with their flags, and the newest rejects with their reasons."""
    store = workbench().store
    flags = store.generations.count_flags(run.id)
    texts, rejected = st.tabs(["Newest texts", "Rejects"])
    with texts:
        st.caption(_list_counts("Flagged", flags) if flags else "No text is flagged.")
        rows = [
            {"label": text.proposed_label, "text": text.text, "flags": "; ".join(map(name_flag, text.flags))}
            for text in store.generations.texts([run.id], newest=N_NEWEST)
        ]
        is_active = run.state.status.is_active
        _show_table(
            pd.DataFrame(rows, columns=["label", "text", "flags"]),
            {"label": 80, "text": 500, "flags": 300},
            key="generate_texts",
            if_empty="The first batch is being written." if is_active else "No text was kept. The rejects say why.",
        )
    with rejected:
        st.caption(_list_counts(plural(sum(rejects.values()), "reject"), rejects) if rejects else "No rejects.")
        raw = [
            {"reason": reject.reason.value, "raw completion": reject.raw, "found": reject.detail}
            for reject in store.generations.rejects(run.id, newest=N_NEWEST)
        ]
        _show_table(
            pd.DataFrame(raw, columns=["reason", "raw completion", "found"]),
            {"reason": 140, "raw completion": 440, "found": 300},
            key="generate_rejects",
            if_empty="Rejected completions are listed here with the reason.",
        )


def _show_table(rows: pd.DataFrame, widths: dict[str, int], *, key: str, if_empty: str) -> None:
    """A table that keeps its height, or a line in its place."""
    if rows.empty:
        with st.container(height=TABLE_HEIGHT, border=False):
            st.caption(if_empty)
        return
    columns = {name: st.column_config.TextColumn(width=width) for name, width in widths.items()}
    st.dataframe(rows, hide_index=True, height=TABLE_HEIGHT, key=key, column_config=columns)


def _list_counts(what: str, counts: dict[RejectReason, int]) -> str:
    """'15 rejects: 12 × over the label's quota, 3 × near-duplicate'."""
    ordered = sorted(counts.items(), key=lambda pair: -pair[1])
    return escape_markdown(f"{what}: " + ", ".join(f"{n:,} × {reason}" for reason, n in ordered))


# What can be done with the run ---------------------------------------------------------------------------------------


def _show_buttons(run: GenerationRun) -> None:
    """Pause and cancel while it goes on; resume or extend once it has ended."""
    key = RunKey(RunKind.GENERATION, run.id)
    if run.state.status.is_active:
        is_stopping = workbench().runner.is_stopping(key)
        for is_pause, name, icon in ((True, "Pause", "pause"), (False, "Cancel", "stop")):
            st.button(
                "Stopping" if is_stopping and not is_pause else name,
                key=f"generate_{name.lower()}",
                icon=f":material/{icon}:",
                disabled=is_stopping,
                help="Stops after the current batch; stored texts are kept" if is_stopping else None,
                on_click=_stop_run,
                args=(key,),
                kwargs={"is_pause": is_pause},
            )
        return
    if run.config is not None and run.seed_set_id is not None:  # an imported run has nothing to go on with
        if run.state.status in RESUMABLE and st.button("Resume", key="generate_resume", icon=":material/play_arrow:"):
            _resume(run, run.config)
        with st.popover(
            "Extend", icon=":material/add:", key="generate_extend", help="Adds texts, attempts or budget to this run"
        ):
            _extend_panel(run, run.config)


def _stop_run(key: RunKey, *, is_pause: bool) -> None:
    """The callback of the pause and cancel buttons."""
    runner = workbench().runner
    if is_pause:
        runner.pause(key)
    else:
        runner.cancel(key)


def _extend_panel(run: GenerationRun, config: GenerationConfig) -> None:
    """Give an ended run another target, cap or budget, and go on from where it ended."""
    target = st.number_input("Texts in total", run.n_texts, 100_000, config.target, 10, key=f"generate_more_{run.id}")
    cap = st.number_input(
        "Maximum attempts in total",
        target,
        2_000_000,
        max(config.attempt_cap, 10 * target + 50),
        50,
        key=f"generate_more_cap_{run.id}",
    )
    budget = config.budget
    if config.budget is not None:
        budget = st.number_input(
            "Budget in total", 0.0, value=config.budget, format="%g", key=f"generate_more_budget_{run.id}"
        )
    with showing_errors():
        extended = replace(config, target=target, attempt_cap=cap, budget=budget)
        if st.button("Extend the run", key="generate_go_on", type="primary", disabled=extended == config):
            extend_generation(workbench(), run.id, extended, api_key=key_for("generate", extended.lm))
            st.rerun()


def _resume(run: GenerationRun, config: GenerationConfig) -> None:
    """Queue the run from where it ended."""
    resume_generation(workbench(), run.id, api_key=key_for("generate", config.lm))
    st.rerun()


def _name_place_in_queue(run: GenerationRun) -> str:
    """What a waiting run waits for."""
    if run.state.status is not RunStatus.QUEUED:
        return ""
    before = [key for key, state in workbench().store.runs.unfinished() if state.created_at < run.state.created_at]
    return f"Waiting for {plural(len(before), 'run')} ahead of it" if before else "Starting"
