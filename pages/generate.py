"""Generate: start a run, watch it, cancel or resume it, and import texts that were written elsewhere."""

import pandas as pd
import streamlit as st

from augment import datasets, sources
from augment.charts import label_shares, yield_funnel
from augment.records import (
    GenerationConfig,
    GenerationRun,
    LMKind,
    RejectReason,
    ReviewStatus,
    RunKey,
    RunKind,
    RunStatus,
    Sampling,
    SeedSet,
    Task,
    TextChecks,
)
from pages._runs import import_texts, needs_key, resume_generation, start_generation
from pages._shared import (
    PAGES,
    POLL_S,
    STATUS_ICONS,
    choose_lm,
    choose_strategy,
    enter_through_app,
    escape_markdown,
    find_key,
    format_state,
    page_header,
    plural,
    progress_share,
    require_task,
    showing_errors,
    task_line,
    workbench,
)

NOT_PARSED = (RejectReason.EMPTY, RejectReason.NO_LABEL)
RESUMABLE = (RunStatus.INTERRUPTED, RunStatus.CANCELLED, RunStatus.FAILED)


def settings_panel(task: Task, seed_sets: list[SeedSet]) -> None:
    """What to generate with; the start button stands at the end."""
    versions = workbench().store.prompts.all(task.id)
    seed_set = st.selectbox(
        "Seed set", seed_sets, format_func=lambda one: f"{one.id} · {one.name}", key=f"generate_{task.id}_seed_set"
    )
    version = st.selectbox(
        "Prompt version",
        versions,
        format_func=lambda one: f"{one.number} · {one.created_at:%d %b %H:%M}",
        key=f"generate_{task.id}_prompt",
    )
    lm, api_key = choose_lm("generate")
    strategy = choose_strategy("generate", lm)
    left, right = st.columns(2)
    target = left.number_input("Texts", 1, 100_000, 50, 10, key="generate_target", persist_state="session")
    n_seeds = right.number_input("Seeds a prompt", 1, 16, 8, key="generate_n_seeds", persist_state="session")
    with st.expander("Sampling"):
        left, right = st.columns(2)
        temperature = left.number_input(
            "Temperature", 0.1, 5.0, 1.0, 0.1, key="generate_temperature", persist_state="session"
        )
        top_p = right.number_input("Top-p", 0.05, 1.0, 0.9, 0.05, key="generate_top_p", persist_state="session")
        rng_seed = left.number_input("RNG seed", 0, value=0, key="generate_rng_seed", persist_state="session")
        max_new_tokens = right.number_input(
            "New tokens a text", 5, 512, 60, 5, key="generate_max_new_tokens", persist_state="session"
        )
        texts_per_prompt = left.number_input(
            "Texts a prompt",
            1,
            64,
            8,
            key="generate_texts_per_prompt",
            persist_state="session",
            help="More are faster: a prompt is read once for all its texts. Fewer show the LM more different seeds.",
        )
    checks = choose_checks()
    if (
        st.button(
            f"Generate {plural(target, 'text')}",
            type="primary",
            key="generate_start",
            icon=":material/auto_awesome:",
            width="stretch",
            disabled=lm is None,
            help="Name the language model first" if lm is None else None,
        )
        and lm is not None
    ):
        sampling = Sampling(temperature=temperature, top_p=top_p, max_new_tokens=max_new_tokens, rng_seed=rng_seed)
        config = GenerationConfig(
            version.template,
            task.labels,
            lm,
            sampling,
            strategy=strategy,
            n_seeds=n_seeds,
            target=target,
            batch_size=16 if lm.kind is LMKind.OPENAI else 64,
            texts_per_prompt=texts_per_prompt,
            checks=checks,
        )
        key = start_generation(
            workbench(), task.id, config, seed_set_id=seed_set.id, prompt_version_id=version.id, api_key=api_key
        )
        st.session_state["generate_run"] = key.id
        st.rerun()


def choose_checks() -> TextChecks:
    """What a text must pass to be taken."""
    with st.expander("Checks"):
        left, right = st.columns(2)
        with left:
            min_words = st.number_input("Words, at least", 1, 200, 2, key="generate_min_words", persist_state="session")
            help_near = "Edit similarity to a seed, a held-out text or another text of the run; 1 turns it off"
            near = st.number_input(
                "Near-duplicate from", 0.5, 1.0, 0.9, 0.05, key="generate_near", help=help_near, persist_state="session"
            )
        with right:
            max_words = st.number_input("at most", 1, 500, 60, key="generate_max_words", persist_state="session")
            help_sure = "Least probability of the likeliest label (mix)"
            sure = st.number_input(
                "Confidence", 0.0, 0.99, 0.0, 0.05, key="generate_sure", help=help_sure, persist_state="session"
            )
    return TextChecks(min_words, max_words, near, sure)


def import_panel(task: Task) -> None:
    """Texts written elsewhere become a finished run of a named LM."""
    name = st.text_input("Name of the language model", placeholder="GPT-J", key="generate_import_name")
    file = st.file_uploader(
        "JSONL, CSV, TSV, Parquet, 'text;label' .txt, or a zipped save_to_disk folder", key="generate_import_file"
    )
    if file is None or not st.button(
        "Import texts", key="generate_import", disabled=not name.strip(), icon=":material/download_done:"
    ):
        return
    tables = sources.read_file(file.name, file.getvalue())
    columns = sources.list_columns(tables)
    text_column, label_column = (
        ("text" if "text" in columns else columns[0]),
        ("label" if "label" in columns else columns[-1]),
    )
    texts = datasets.read_labelled(tables, text_column, label_column, task.labels)
    run_id, n_left_out = import_texts(workbench(), task.id, name.strip(), texts)
    st.session_state["generate_run"] = run_id
    st.toast(f"{plural(len(texts) - n_left_out, 'text')} imported as run {run_id}", icon=":material/check:")
    st.rerun()


def show_run(run_id: int, task: Task) -> None:
    """One run, live while it goes on: progress, funnel, balance, newest texts, rejects."""
    store = workbench().store
    run = store.generations.get(run_id)
    with st.container(border=True):
        left, right = st.columns([4, 1], vertical_alignment="center")
        left.markdown(f"**Run {run.id}** · {escape_markdown(run.lm_name)} · {STATUS_ICONS[run.state.status]}")
        show_run_button(run, right)
        st.progress(progress_share(run.state), text=escape_markdown(format_state(run.state, "texts")))
        st.caption(escape_markdown(run.state.message) or "\u00a0")
    left, right = st.columns(2, gap="medium")
    rejects = store.generations.count_rejects(run.id)
    accepted = sum(store.generations.count_labels(run.id, status=ReviewStatus.ACCEPTED).values())
    with left:
        st.markdown("**Yield**: from completion to accepted text")
        st.plotly_chart(
            yield_funnel(funnel_stages(run, rejects, accepted)),
            key="generate_funnel",
            alt="How many completions reach each stage",
            config={"displayModeBar": False},
        )
    with right:
        st.markdown("**Label balance** as proposed" + (", against the seeds" if run.seed_set_id is not None else ""))
        st.plotly_chart(
            label_shares(balance(run), task.labels),
            key="generate_balance",
            alt="Share of each label",
            config={"displayModeBar": False},
        )
    texts, rejected = st.tabs(["Newest texts", f"Rejects · {sum(rejects.values()):,}"])
    with texts:
        rows = [
            {"label": one.proposed_label, "text": one.text} for one in store.generations.texts([run.id], newest=100)
        ]
        st.dataframe(
            pd.DataFrame(rows, columns=["label", "text"]),
            hide_index=True,
            height=320,
            key="generate_texts",
            column_config={
                "label": st.column_config.TextColumn(width=90),
                "text": st.column_config.TextColumn(width=640),
            },
            placeholder="The first batch is on its way",
        )
    with rejected:
        raw = [
            {"reason": one.reason.value, "raw completion": one.raw, "found": one.detail}
            for one in store.generations.rejects(run.id, newest=100)
        ]
        st.dataframe(
            pd.DataFrame(raw, columns=["reason", "raw completion", "found"]),
            hide_index=True,
            height=320,
            key="generate_rejects",
            placeholder="No completion was rejected",
        )
    if st.session_state.get("generate_was_active") and not run.state.status.is_active:
        st.session_state["generate_was_active"] = False
        st.rerun()
    st.session_state["generate_was_active"] = run.state.status.is_active


def cancel_run(key: RunKey) -> None:
    """The cancel button's callback."""
    workbench().runner.cancel(key)


def show_run_button(run: GenerationRun, place: st.delta_generator.DeltaGenerator) -> None:
    """Cancel while it runs, resume while something is missing."""
    if run.state.status.is_active:
        key = RunKey(RunKind.GENERATION, run.id)
        is_stopping = workbench().runner.is_stopping(key)
        place.button(
            "Stopping" if is_stopping else "Cancel",
            key="generate_cancel",
            icon=":material/stop:",
            width="stretch",
            disabled=is_stopping,
            help="Ends after the current batch" if is_stopping else None,
            on_click=cancel_run,
            args=(key,),
        )
    elif run.state.status in RESUMABLE and run.config is not None:
        if place.button("Resume", key="generate_resume", icon=":material/play_arrow:", width="stretch"):
            api_key = st.session_state.get("generate_endpoint_key") or find_key() if needs_key(run.config.lm) else None
            resume_generation(workbench(), run.id, api_key=api_key)
            st.session_state["generate_was_active"] = True
            st.rerun()
    elif place.button("Review", key="generate_review", icon=":material/arrow_forward:", width="stretch"):
        st.switch_page(PAGES["review"])


def funnel_stages(run: GenerationRun, rejects: dict[RejectReason, int], accepted: int) -> dict[str, int]:
    """Completed → parsed → valid label → passed checks → accepted; each stage counts what is left."""
    parsed = run.n_attempts - sum(rejects.get(reason, 0) for reason in NOT_PARSED)
    valid = parsed - rejects.get(RejectReason.UNKNOWN_LABEL, 0)
    return {
        "completed": run.n_attempts,
        "parsed": parsed,
        "valid label": valid,
        "passed checks": run.n_texts,
        "accepted": accepted,
    }


def balance(run: GenerationRun) -> dict[str, dict[str, int]]:
    store = workbench().store
    groups = {"synthetic": store.generations.count_labels(run.id)}
    if run.seed_set_id is not None:
        examples = store.tasks.seed_set(run.seed_set_id).examples
        groups["seeds"] = {
            label: sum(one.label == label for one in examples) for label in {one.label for one in examples}
        }
    return groups


def choose_run(runs: list[GenerationRun]) -> int:
    """The run to look at: the one just started, or the newest."""
    ids = [run.id for run in runs]
    shown = st.session_state.get("generate_run")
    names = {run.id: f"{run.name} · {plural(run.n_texts, 'text')} · {run.state.status.value}" for run in runs}
    chosen = st.selectbox(
        "Run", ids, index=ids.index(shown) if shown in ids else 0, format_func=lambda run_id: names[run_id]
    )
    st.session_state["generate_run"] = chosen
    return int(chosen)


enter_through_app()
task = require_task("Generation")
store = workbench().store
page_header("Generate", task_line(task))
left, right = st.columns([1, 3], gap="large")
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
            settings_panel(task, seed_sets)
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
            st.fragment(show_run, run_every=POLL_S if is_active else None)(run_id, task)
