"""Train: choose what a classifier learns from, queue training runs, watch their curves."""

from itertools import product

import pandas as pd
import streamlit as st

from augment.arms import name_run
from augment.charts import Curve, arm_colours, step_curves
from augment.embedded import ENCODER_NAME
from augment.metrics import majority_share
from augment.records import (
    EncoderKind,
    EncoderSpec,
    GenerationRun,
    RunKey,
    RunKind,
    RunStatus,
    Split,
    Task,
    TextUse,
    TrainingConfig,
    TrainingPlan,
    TrainingRun,
)
from pages._runs import restart_training, start_training
from pages._shared import (
    METRIC_COLUMNS,
    PAGES,
    POLL_S,
    STATUS_ICONS,
    empty_state,
    enter_through_app,
    escape_markdown,
    format_duration,
    format_state,
    page_header,
    plural,
    progress_share,
    require_task,
    showing_errors,
    task_line,
    workbench,
)

EMBEDDED, DISTILBERT, OTHER = (
    "all-MiniLM-L6-v2 (embedded)",
    "distilbert-base-uncased (the notebook's)",
    "Another BERT-like encoder",
)
N_CURVES = 6
SIZES = (0, 10, 50, 100, 200, 300, 400, 500)


def choose_encoder() -> EncoderSpec:
    chosen = st.selectbox("Encoder", [EMBEDDED, DISTILBERT, OTHER], key="train_encoder", persist_state="session")
    if chosen == EMBEDDED:
        return EncoderSpec()
    if chosen == DISTILBERT:
        return EncoderSpec(EncoderKind.TRANSFORMERS, "distilbert-base-uncased")
    return EncoderSpec(
        EncoderKind.TRANSFORMERS,
        st.text_input(
            "Hub name or folder", key="train_encoder_name", placeholder="bert-base-uncased", persist_state="session"
        ),
    )


def choose_texts(task: Task, seed_set_id: int, runs: list[GenerationRun]) -> list[TrainingPlan]:
    """Which synthetic texts, with which labels, and how many: one plan a size."""
    names = {run.id: f"{run.name} · {plural(run.n_texts, 'text')}" for run in runs}
    chosen = st.multiselect(
        "Synthetic texts of",
        list(names),
        default=list(names)[:1],
        format_func=lambda run_id: names[run_id],
        key=f"train_{task.id}_runs",
    )
    use = st.segmented_control(
        "Labels",
        [TextUse.RAW, TextUse.ACCEPTED],
        default=TextUse.RAW,
        required=True,
        format_func=lambda use: {TextUse.RAW: "raw", TextUse.ACCEPTED: "accepted only"}[use],
        key="train_use",
        help=(
            "Raw: every text with the label the LM proposed. Accepted only: what reviewers "
            "accepted, with the label they gave."
        ),
    )
    offered = TrainingPlan(seed_set_id, TextUse(use), tuple(chosen), 0) if chosen else None
    n_there = len(workbench().store.trainings.available(offered)) if offered else 0
    options = sorted({*(size for size in SIZES if size <= n_there), n_there})
    sizes = st.multiselect(
        "How many",
        options,
        default=sorted({0, n_there}),
        key=f"train_{task.id}_sizes_{n_there}_{use}",
        help="0 trains on the seeds only: the baseline. Sizes are nested: 50 holds the same first 10.",
    )
    st.caption(
        f"{plural(n_there, 'text')} there" if n_there else "No such texts yet: only the baseline can be trained."
    )
    return [
        TrainingPlan(seed_set_id, TextUse(use), tuple(chosen), size)
        if size
        else TrainingPlan(seed_set_id, TextUse.NONE, (), 0)
        for size in sizes
    ]


def choose_recipe(task: Task, encoder: EncoderSpec) -> list[TrainingConfig]:
    """How each size is trained: one config an RNG seed. The defaults are the notebook's."""
    with st.expander("Recipe"):
        left, right = st.columns(2)
        with left:
            help_steps = "Equal for every size, as in the notebook (312 for 500 texts)"
            steps = st.number_input(
                "Steps", 1, 10_000, 125, 25, key="train_steps", help=help_steps, persist_state="session"
            )
            help_frozen = "From the bottom, with the embeddings; 0 freezes nothing"
            most = 6 if encoder.name in (ENCODER_NAME, "distilbert-base-uncased") else 48
            frozen = st.number_input(
                "Frozen layers", 0, most, 3, key=f"train_frozen_{most}", help=help_frozen, persist_state="session"
            )
            help_repeats = "How often each size is trained anew; from 2 on the charts show an interval"
            n_repeats = st.number_input(
                "RNG seeds", 1, 20, 1, key="train_repeats", help=help_repeats, persist_state="session"
            )
        with right:
            rate = st.number_input(
                "Learning rate", 1e-6, 0.1, 1e-4, format="%.0e", key="train_lr", persist_state="session"
            )
            batch = st.number_input("Batch size", 1, 256, 8, key="train_batch", persist_state="session")
            first = st.number_input("First RNG seed", 0, value=0, key="train_rng_seed", persist_state="session")
    return [
        TrainingConfig(task.labels, encoder, steps, rate, batch_size=batch, frozen_layers=frozen, rng_seed=rng_seed)
        for rng_seed in range(first, first + n_repeats)
    ]


def estimate_s(task: Task, config: TrainingConfig) -> float | None:
    """Seconds one run should take, by the finished runs on the same encoder; None before there is one."""
    done = [
        run.state.elapsed_s / run.config.steps
        for run in workbench().store.trainings.all(task.id)
        if run.state.status is RunStatus.DONE and run.config.encoder == config.encoder
    ]
    return config.steps * sum(done) / len(done) if done else None


def settings_panel(task: Task) -> None:
    """What to train on and how; one run a size and RNG seed."""
    store = workbench().store
    seed_sets = store.tasks.seed_sets(task.id)
    seed_set = st.selectbox(
        "Seed set", seed_sets, format_func=lambda one: f"{one.id} · {one.name}", key=f"train_{task.id}_seed_set"
    )
    plans = choose_texts(task, seed_set.id, [run for run in store.generations.all(task.id) if run.n_texts])
    configs = choose_recipe(task, choose_encoder())
    n_runs = len(plans) * len(configs)
    one_run_s = estimate_s(task, configs[0])
    st.caption(
        plural(n_runs, "run") + (f", about {format_duration(n_runs * one_run_s)}" if one_run_s and n_runs else "")
    )
    if st.button(
        f"Train {plural(n_runs, 'run')}",
        type="primary",
        key="train_start",
        icon=":material/model_training:",
        width="stretch",
        disabled=not n_runs,
    ):
        for config, plan in product(configs, plans):
            start_training(workbench(), task.id, config, plan)
        st.rerun()


def show_live(task: Task) -> None:
    """The newest runs' curves and the queue; polls only while something runs."""
    store = workbench().store
    runs = store.trainings.all(task.id)
    active = [run for run in runs if run.state.status.is_active]
    if st.session_state.get("train_was_active") and not active:
        st.session_state["train_was_active"] = False
        st.rerun()
    st.session_state["train_was_active"] = bool(active)
    draw_curves(task, runs)
    show_queue(runs)


def draw_curves(task: Task, runs: list[TrainingRun]) -> None:
    """Test metrics of the newest runs over their steps, beside the training loss."""
    store = workbench().store
    shown = [run for run in runs if run.state.status is not RunStatus.QUEUED][:N_CURVES]
    points = store.trainings.points([run.id for run in shown])
    colours = arm_colours([run.arm for run in reversed(runs)])
    curves = [Curve(name_run(run), f"run {run.id}", colours[run.arm], points[run.id]) for run in reversed(shown)]
    n_steps = max((run.config.steps for run in shown), default=125)
    majority = majority_share([one.label for one in store.tasks.examples(task.id, Split.TEST)] or ["none"])
    left, right = st.columns(2, gap="medium")
    for place, metric, title in ((left, "macro_f1", "macro-F1"), (right, "accuracy", "Accuracy")):
        place.markdown(f"**{title}** on the test split, newest runs")
        place.plotly_chart(
            step_curves(curves, metric, n_steps=n_steps, majority=majority),
            key=f"train_{metric}",
            alt=f"{title} over optimiser steps",
            config={"displayModeBar": False},
        )
    with st.expander("Loss"):
        st.plotly_chart(
            step_curves(curves, "loss", n_steps=n_steps),
            key="train_loss",
            alt="Test loss over optimiser steps",
            config={"displayModeBar": False},
        )


def show_queue(runs: list[TrainingRun]) -> None:
    """What runs, waits or ended early, each with its button; then the finished ones as a table."""
    for run in [run for run in runs if run.state.status is not RunStatus.DONE][:12]:
        with st.container(border=True):
            left, middle, right = st.columns([4, 4, 1.4], vertical_alignment="center")
            left.markdown(f"**{escape_markdown(name_run(run))}** · {STATUS_ICONS[run.state.status]}")
            text = run.state.message or format_state(run.state, "steps")
            if run.state.status.is_active:
                middle.progress(progress_share(run.state), text=escape_markdown(text))
                if right.button("Cancel", key=f"train_cancel_{run.id}", icon=":material/stop:", width="stretch"):
                    workbench().runner.cancel(RunKey(RunKind.TRAINING, run.id))
            else:
                middle.caption(escape_markdown(text))
                if right.button("Restart", key=f"train_restart_{run.id}", icon=":material/replay:", width="stretch"):
                    restart_training(workbench(), run.id)
                    st.rerun()
    rows = [
        {
            "run": run.id,
            "arm": run.arm,
            "synthetic": run.plan.n_synthetic,
            "RNG seed": run.config.rng_seed,
            "macro-F1": run.last.macro_f1,
            "accuracy": 100 * run.last.accuracy,
            "seconds": run.state.elapsed_s,
        }
        for run in runs
        if run.state.status is RunStatus.DONE and run.last is not None
    ]
    if rows:
        st.dataframe(
            pd.DataFrame(rows),
            hide_index=True,
            key="train_done",
            column_config=METRIC_COLUMNS,
        )


enter_through_app()
task = require_task("Training")
store = workbench().store
action = page_header("Train", task_line(task))
if not store.tasks.seed_sets(task.id):
    empty_state(
        "A classifier learns from the seeds and the synthetic texts; there is no seed set yet.", "Choose seeds", "seeds"
    )
if any(run.last for run in store.trainings.all(task.id)) and action.button(
    "Continue: results", key="train_continue", icon=":material/arrow_forward:"
):
    st.switch_page(PAGES["results"])
left, right = st.columns([1, 3], gap="large")
with left, showing_errors():
    settings_panel(task)
with right, showing_errors():
    if not store.trainings.all(task.id):
        with st.container(border=True, horizontal_alignment="center"):
            st.space("medium")
            st.markdown(
                "No training run yet. Train the baseline (0 texts) and one size beside it: their "
                "curves appear here, live, at every twentieth step.",
                text_alignment="center",
            )
            st.space("medium")
    else:
        is_active = any(run.state.status.is_active for run in store.trainings.all(task.id))
        st.fragment(show_live, run_every=POLL_S if is_active else None)(task)
