"""Generate: start a run, watch it, cancel or resume it, and import texts that were written elsewhere."""

from dataclasses import replace

import pandas as pd
import streamlit as st

from augment.data import prepare, read_files
from augment.errors import AugmentError
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
    SeedSet,
    Task,
)
from augment.results.charts.counts import label_shares, yield_funnel
from augment.wording import plural
from pages.parts.formats import STATUS_ICONS, escape_markdown, format_state, name_flag, progress_share
from pages.parts.generate.settings import choose_settings
from pages.parts.language_models import key_for
from pages.parts.layout import PAGES, POLL_S, page_header, show_error, showing_errors, task_line
from pages.parts.session import enter_through_app, require_task, workbench
from workbench.generation import import_texts, resume_generation, start_generation

TABLE_HEIGHT = 340
RESUMABLE = (RunStatus.INTERRUPTED, RunStatus.PAUSED, RunStatus.CANCELLED, RunStatus.FAILED)


def settings_panel(task: Task, seed_sets: list[SeedSet], action: st.delta_generator.DeltaGenerator) -> None:
    """What to generate with; the start button stands at the top right."""
    new, missing = None, ""
    try:
        new, missing = choose_settings(task, seed_sets)
    except AugmentError as error:
        show_error(str(error))
        missing = "Mend the settings first"
    target = st.session_state["generate_target"]
    is_pressed = action.button(
        f"Generate {plural(target, 'text')}",
        type="primary",
        key="generate_start",
        icon=":material/auto_awesome:",
        disabled=new is None,
        help=missing or None,
    )
    if is_pressed and new is not None:
        key = start_generation(
            workbench(),
            task.id,
            new.config,
            seed_set_id=new.seed_set.id,
            prompt_version_id=new.version.id,
            api_key=new.api_key,
        )
        st.session_state["generate_run"] = key.id
        st.rerun()


def import_panel(task: Task) -> None:
    """Texts written elsewhere become a finished run of a named LM."""
    n_imported = st.session_state.get("generate_n_imported", 0)
    name = st.text_input("Name of the language model", placeholder="GPT-J", key="generate_import_name")
    file = st.file_uploader(
        "JSONL, CSV, TSV, Parquet, 'text;label' .txt, or a zipped save_to_disk folder",
        key=f"generate_import_file_{n_imported}",  # empty again after each import
    )
    if file is None or not st.button(
        "Import texts", key="generate_import", disabled=not name.strip(), icon=":material/download_done:"
    ):
        return
    tables = read_files.read_file(file.name, file.getvalue())
    columns = read_files.list_columns(tables)
    text_column, label_column = (
        ("text" if "text" in columns else columns[0]),
        ("label" if "label" in columns else columns[-1]),
    )
    texts = prepare.read_labelled(tables, text_column, label_column, task.labels)
    run = import_texts(workbench(), task.id, name.strip(), texts)
    st.session_state["generate_run"] = run.id
    st.session_state["generate_n_imported"] = n_imported + 1
    st.toast(f"{run.state.message}: run {run.id}", icon=":material/check:")
    st.rerun()


def live_run(run_id: int, task: Task) -> None:
    """`show_run` in a fragment: what goes wrong at a poll is shown there."""
    with showing_errors():
        show_run(run_id, task)


def show_run(run_id: int, task: Task) -> None:
    """One run, live while it goes on: progress, funnel, balance, newest texts, rejects."""
    store = workbench().store
    run = store.generations.get(run_id)
    rejects = store.generations.count_rejects(run.id)
    accepted = sum(store.generations.count_labels(run.id, status=ReviewStatus.ACCEPTED).values())
    with st.container(border=True):
        left, right = st.columns(2, vertical_alignment="center")
        left.markdown(f"**Run {run.id}** · {escape_markdown(run.writer)} · {STATUS_ICONS[run.state.status]}")
        with right.container(horizontal=True, horizontal_alignment="right"):
            show_run_buttons(run)
        st.progress(progress_share(run.state), text=escape_markdown(format_state(run.state, "texts")))
        st.caption(escape_markdown(run.state.message or name_place_in_queue(run)) or "\u00a0")
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown(f"**Yield**: from {'asked' if run.config else 'kept'} to accepted")
        st.plotly_chart(
            yield_funnel(funnel_stages(run, rejects, accepted)),
            key="generate_funnel",
            alt="How many completions reach each stage",
            config={"displayModeBar": False},
        )
        st.caption(escape_markdown(describe_yield(run, accepted)) or "\u00a0")
    with right:
        groups = balance(run)
        against = next((f", against {name}" for name in ("wanted", "seeds") if name in groups), "")
        st.markdown("**Label balance**" + against.replace("seeds", "the seeds").replace("wanted", "what is wanted"))
        st.plotly_chart(
            label_shares(groups, task.labels),
            key="generate_balance",
            alt="Share of each label",
            config={"displayModeBar": False},
        )
        drift = find_drift(run, groups["synthetic"], groups.get("seeds", {}))
        st.caption(f":material/warning: {escape_markdown(drift)}" if drift else "\u00a0")
    show_texts(run, rejects)
    if st.session_state.get("generate_was_active") and not run.state.status.is_active:
        st.session_state["generate_was_active"] = False
        st.rerun()
    st.session_state["generate_was_active"] = run.state.status.is_active


def show_texts(run: GenerationRun, rejects: dict[RejectReason, int]) -> None:
    """The newest texts with their flags, and the newest rejects with their reasons."""
    store = workbench().store
    flags = store.generations.count_flags(run.id)
    texts, rejected = st.tabs(["Newest texts", f"Rejects · {sum(rejects.values()):,}"])
    with texts:
        st.caption(_list_counts("Flagged", flags) if flags else "No text is flagged")
        rows = [
            {"label": one.proposed_label, "text": one.text, "flags": "; ".join(map(name_flag, one.flags))}
            for one in store.generations.texts([run.id], newest=100)
        ]
        is_active = run.state.status.is_active
        show_table(
            pd.DataFrame(rows, columns=["label", "text", "flags"]),
            {"label": 80, "text": 500, "flags": 300},
            key="generate_texts",
            if_empty="The first batch is on its way" if is_active else "No text was kept",
        )
    with rejected:
        st.caption(_list_counts("Not taken", rejects) if rejects else "No completion was rejected")
        raw = [
            {"reason": one.reason.value, "raw completion": one.raw, "found": one.detail}
            for one in store.generations.rejects(run.id, newest=100)
        ]
        show_table(
            pd.DataFrame(raw, columns=["reason", "raw completion", "found"]),
            {"reason": 140, "raw completion": 440, "found": 300},
            key="generate_rejects",
            if_empty="",
        )


def show_table(rows: pd.DataFrame, widths: dict[str, int], *, key: str, if_empty: str) -> None:
    """A table that keeps its height, or a line in its place."""
    if rows.empty:
        with st.container(height=TABLE_HEIGHT, border=False):
            st.caption(if_empty or "\u00a0")
        return
    columns = {name: st.column_config.TextColumn(width=width) for name, width in widths.items()}
    st.dataframe(rows, hide_index=True, height=TABLE_HEIGHT, key=key, column_config=columns)


def _list_counts(what: str, counts: dict[RejectReason, int]) -> str:
    """'Not taken: 12 over the label's quota, 3 near-duplicate'."""
    ordered = sorted(counts.items(), key=lambda pair: -pair[1])
    return escape_markdown(f"{what}: " + ", ".join(f"{n:,} {reason}" for reason, n in ordered))


def stop_run(key: RunKey, *, is_pause: bool) -> None:
    """The callback of the pause and cancel buttons."""
    runner = workbench().runner
    if is_pause:
        runner.pause(key)
    else:
        runner.cancel(key)


def show_run_buttons(run: GenerationRun) -> None:
    """Pause and cancel while it runs; resume or extend once it stands; then review."""
    key = RunKey(RunKind.GENERATION, run.id)
    if run.state.status.is_active:
        is_stopping = workbench().runner.is_stopping(key)
        for is_pause, name, icon in ((True, "Pause", "pause"), (False, "Cancel", "stop")):
            st.button(
                "Stopping" if is_stopping and not is_pause else name,
                key=f"generate_{name.lower()}",
                icon=f":material/{icon}:",
                disabled=is_stopping,
                help="Ends after the current batch; what was stored is kept" if is_stopping else None,
                on_click=stop_run,
                args=(key,),
                kwargs={"is_pause": is_pause},
            )
        return
    if run.config is not None and run.seed_set_id is not None:  # an imported one has none to go on with
        if run.state.status in RESUMABLE and st.button("Resume", key="generate_resume", icon=":material/play_arrow:"):
            go_on(run, run.config)
        with st.popover("Extend", icon=":material/add:", key="generate_extend", help="More texts, attempts or money"):
            extend_panel(run, run.config)
    if run.n_texts and st.button("Review", key="generate_review", icon=":material/arrow_forward:"):
        st.switch_page(PAGES["review"])


def extend_panel(run: GenerationRun, config: GenerationConfig) -> None:
    """Give an ended run another target, cap or budget, and go on from where it stands."""
    target = st.number_input("Texts in all", run.n_texts, 100_000, config.target, 10, key=f"generate_more_{run.id}")
    cap = st.number_input(
        "Attempts in all, at most",
        target,
        2_000_000,
        max(config.attempt_cap, 10 * target + 50),
        50,
        key=f"generate_more_cap_{run.id}",
    )
    budget = config.budget
    if config.budget is not None:
        budget = st.number_input(
            "Budget in all", 0.0, value=config.budget, format="%g", key=f"generate_more_budget_{run.id}"
        )
    with showing_errors():
        extended = replace(config, target=target, attempt_cap=cap, budget=budget)
        if st.button("Go on", key="generate_go_on", type="primary", disabled=extended == config):
            workbench().store.generations.extend(run.id, extended)
            go_on(run, extended)


def go_on(run: GenerationRun, config: GenerationConfig) -> None:
    """Queue the run from where it stands."""
    resume_generation(workbench(), run.id, api_key=key_for("generate", config.lm))
    st.session_state["generate_was_active"] = True
    st.rerun()


def name_place_in_queue(run: GenerationRun) -> str:
    """What a waiting run waits for."""
    if run.state.status is not RunStatus.QUEUED:
        return ""
    before = [key for key, state in workbench().store.runs.unfinished() if state.created_at < run.state.created_at]
    return f"Waits for {plural(len(before), 'run')} before it" if before else "Begins in a moment"


def balance(run: GenerationRun) -> dict[str, dict[str, int]]:
    """Labels of the run's texts, and beside them what was wanted or, where nothing was, the seeds'."""
    store = workbench().store
    groups = {"synthetic": store.generations.count_labels(run.id)}
    if run.config is not None and run.config.label_shares is not None:
        quotas = label_quotas(run.config) or []
        groups["wanted"] = dict(zip(run.config.labels, quotas, strict=True))
    elif run.seed_set_id is not None:
        labels = [one.label for one in store.tasks.seed_set(run.seed_set_id).examples]
        groups["seeds"] = {label: labels.count(label) for label in dict.fromkeys(labels)}
    return groups


def choose_run(runs: list[GenerationRun]) -> int:
    """The run to look at: the one just started or chosen, else the newest."""
    names = {run.id: name_in_list(run) for run in runs}
    if st.session_state.get("generate_run") not in names:
        st.session_state["generate_run"] = runs[0].id
    chosen = st.selectbox(
        "Run", list(names), format_func=lambda run_id: names[run_id], key="generate_run", persist_state="session"
    )
    return int(chosen)


def name_in_list(run: GenerationRun) -> str:
    """The run with what became of it; while it goes on its name alone, as the browser keeps the name it chose by."""
    if run.state.status.is_active:
        return run.name
    how = "" if run.state.status is RunStatus.DONE else f" · {run.state.status.value}"
    return f"{run.name} · {plural(run.n_texts, 'text')}{how}"


enter_through_app()
task = require_task("Generate")
store = workbench().store
action = page_header("Generate", task_line(task))
left, right = st.columns([2, 5], gap="large")
runs = store.generations.all(task.id)
with left:
    seed_sets = store.tasks.seed_sets(task.id)
    new, import_ = st.tabs(["New run", "Import"])
    with new, showing_errors():
        if not seed_sets or not store.prompts.all(task.id):
            missing, page = ("a seed set", "seeds") if not seed_sets else ("a saved prompt", "prompt")
            st.info(f"A run needs {missing} first.", icon=":material/info:")
            if st.button("Go there", key="generate_missing", type="primary"):
                st.switch_page(PAGES[page])
        else:
            settings_panel(task, seed_sets, action)
    with import_, showing_errors():
        import_panel(task)
with right:
    if not runs:
        with st.container(border=True, horizontal_alignment="center"):
            st.space("medium")
            st.markdown(
                "No texts yet. Once a run starts, its progress, its yield, the balance of its "
                "labels and the newest texts appear here, live.",
                text_alignment="center",
            )
            st.space("medium")
    else:
        with showing_errors():
            run_id = choose_run(runs)
            is_active = store.generations.get(run_id).state.status.is_active
            st.fragment(live_run, run_every=POLL_S if is_active else None)(run_id, task)
