"""Overview: how far the task has come, what runs, what it gained, and the one next step. Without a task: Welcome."""

import streamlit as st

from augment.records import GenerationRun, ReviewStatus, RunKey, RunKind, RunState, RunStatus, Task
from augment.results.charts.learning import learning_curve
from augment.results.comparison import aggregate_runs
from augment.wording import plural
from pages.parts.charts import say_shared, show_chart
from pages.parts.formats import STATUS_ICONS, escape_markdown, format_state, progress_share
from pages.parts.generate.state import open_run
from pages.parts.layout import PAGES, POLL_S, page_header, showing_errors, task_line
from pages.parts.results.evidence import Answer, find_answer
from pages.parts.review.state import open_labels
from pages.parts.session import current_task, enter_through_app, workbench
from pages.parts.welcome import show_welcome
from workbench.comparisons import compare

METRIC = "macro_f1"
UNITS = {RunKind.GENERATION: "texts", RunKind.EXPERIMENT: "runs", RunKind.LABELLING: "questions"}


def next_step(task: Task, found: Answer | None) -> tuple[str, str]:
    """The next thing to do: a button's text and the page that it opens. Once a variant is measured, as on Results."""
    if found and has_variant_measured(task):
        return f"Continue: {found.step.action}", found.step.action
    store = workbench().store
    if not store.tasks.seed_sets(task.id):
        return "Continue: save a seed set", "seeds"
    if not store.prompts.all(task.id):
        return "Continue: save a prompt", "prompt"
    if not any(run.n_texts for run in store.generations.all(task.id)):
        return "Continue: generate texts", "generate"
    waiting = store.reviews.count_status(task.id)[ReviewStatus.PENDING]
    if waiting and not store.reviews.count_events(task.id):
        return f"Continue: review {plural(waiting, 'text')}", "review"
    return "Continue: train classifiers", "train"


def has_variant_measured(task: Task) -> bool:
    """Whether any experiment with a finished run has a variant."""
    return any(experiment.variants for experiment in workbench().store.experiments.list_finished(task.id))


def show_counts(task: Task, runs: list[GenerationRun]) -> None:
    """Counts along the journey."""
    store = workbench().store
    seed_sets = store.tasks.seed_sets(task.id)
    status = store.reviews.count_status(task.id)
    n_texts = sum(status.values())
    figures = (
        ("Seeds", len(seed_sets[0].examples) if seed_sets else 0, "In the newest seed set"),
        ("Prompt versions", len(store.prompts.all(task.id)), None),
        ("Synthetic texts", n_texts, f"From {plural(len(runs), 'generation run')}"),
        (
            "Reviewed",
            n_texts - status[ReviewStatus.PENDING],
            f"{status[ReviewStatus.ACCEPTED]:,} accepted, {status[ReviewStatus.REJECTED]:,} rejected",
        ),
        ("Training runs", store.trainings.count_done(task.id), None),
    )
    with st.container(horizontal=True):
        for name, figure, help_text in figures:
            st.metric(name, f"{figure:,}", help=help_text, border=True, width="stretch")


def find_newest_answer(task: Task) -> Answer | None:
    """What the newest experiment with a finished run says, as on Results; None where there is none."""
    experiment = next(iter(workbench().store.experiments.list_finished(task.id)), None)
    return find_answer(task, compare(workbench(), [experiment]), METRIC) if experiment else None


def show_answer(found: Answer | None) -> None:
    """Whether the newest experiment's texts helped: a sentence and its learning curve."""
    if found is None:
        st.subheader("Does it help?", anchor=False)
        st.markdown(
            "No classifier has been trained yet. After the first experiment, a chart here shows how macro-F1 on the "
            "test split changes with the number of synthetic texts."
        )
        if st.button("Train classifiers", key="overview_to_train", icon=":material/model_training:"):
            st.switch_page(PAGES["train"])
        return
    comparison = found.comparison
    st.subheader(escape_markdown(found.sentence), anchor=False)
    st.markdown(escape_markdown(found.step.sentence))
    say_shared(comparison.names)
    points = aggregate_runs(comparison.runs, METRIC)
    show_chart(
        learning_curve(points, METRIC, comparison.styles, comparison.names),
        key="overview_gain",
        alt="macro-F1 by number of synthetic texts, newest experiment",
    )


def show_running() -> None:
    """What is running now, with the time left."""
    unfinished = workbench().store.runs.unfinished()
    if not unfinished:
        st.caption("Nothing is running.")
    for key, state in unfinished:
        st.markdown(f"{key.name.capitalize()} · {STATUS_ICONS[state.status]}")
        st.progress(progress_share(state), text=escape_markdown(format_state(state, UNITS[key.kind])))


def show_unfinished(task: Task, runs: list[GenerationRun]) -> None:
    """The newest run of each kind that was paused or interrupted, and the way to it."""
    experiments = workbench().store.experiments.all(task.id)
    half_done = (RunStatus.PAUSED, RunStatus.INTERRUPTED)
    run = next((run for run in runs if run.state.status in half_done), None)
    if run and offer_to_resume(RunKey(RunKind.GENERATION, run.id), run.state):
        open_run(run.id)
        st.switch_page(PAGES["generate"])
    sources = workbench().store.label_sources.all(task.id)
    source = next((source for source in sources if source.state.status in half_done), None)
    if source and offer_to_resume(RunKey(RunKind.LABELLING, source.id), source.state):
        open_labels()
        st.switch_page(PAGES["review"])
    experiment = next((experiment for experiment in experiments if experiment.state.status in half_done), None)
    if experiment and offer_to_resume(RunKey(RunKind.EXPERIMENT, experiment.id), experiment.state):
        st.switch_page(PAGES["train"])


def offer_to_resume(key: RunKey, state: RunState) -> bool:
    """Show how far a run came, with a button that opens it; returns whether it was pressed."""
    done = f"{state.n_done:,} of {state.n_total:,}"
    st.caption(f"{key.name.capitalize()} was {state.status.value} at {done}. Open it to resume.")
    return st.button(f"Open {key.name}", key=f"overview_open_{key.kind}", icon=":material/resume:")


def show_steps(task: Task, runs: list[GenerationRun]) -> None:
    """Each step of the journey with a tick once it is done; a click leads there."""
    store = workbench().store
    waiting = store.reviews.count_status(task.id)[ReviewStatus.PENDING]
    n_events = store.reviews.count_events(task.id)
    done = {
        "seeds": ("Seeds", bool(store.tasks.seed_sets(task.id))),
        "prompt": ("Prompt", bool(store.prompts.all(task.id))),
        "generate": ("Generate", any(run.n_texts for run in runs)),
        "review": (f"Review · {waiting:,} left" if waiting else "Review", n_events > 0 and not waiting),
        "train": ("Train", store.trainings.count_done(task.id) > 0),
        "results": ("Results", has_variant_measured(task)),
    }
    for page, (name, is_done) in done.items():
        st.page_link(
            PAGES[page], label=name, icon=":material/check_circle:" if is_done else ":material/radio_button_unchecked:"
        )


enter_through_app()
task = current_task()
if task is None:
    show_welcome()
    st.stop()
assert task is not None  # noqa: S101  st.stop has ended the script
store = workbench().store
action = page_header("Overview", task_line(task))
with showing_errors():
    found = find_newest_answer(task)
    button, page = next_step(task, found)
    if action.button(button, type="primary", key="overview_next", icon=":material/arrow_forward:"):
        st.switch_page(PAGES[page])
    runs = store.generations.all(task.id)
    show_counts(task, runs)
    left, right = st.columns([5, 2], gap="medium")
    with left.container(border=True, height="stretch"):
        show_answer(found)
    with right:
        with st.container(border=True):
            st.subheader("Steps", anchor=False)
            show_steps(task, runs)
        with st.container(border=True):
            st.subheader("Running", anchor=False)
            st.fragment(show_running, run_every=POLL_S if store.runs.unfinished() else None)()
            show_unfinished(task, runs)
