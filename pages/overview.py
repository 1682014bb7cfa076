"""Overview: how far the task has come, what runs, what it gained, and the one next step. Without a task: Welcome."""

import streamlit as st

from augment.records import GenerationRun, ReviewStatus, RunStatus, Task
from augment.results.charts.learning import learning_curve
from augment.results.comparison import aggregate_runs
from augment.results.headlines import headline
from augment.wording import plural
from pages.parts.charts import show_chart
from pages.parts.formats import escape_markdown, format_duration, progress_share
from pages.parts.generate.state import open_run
from pages.parts.layout import PAGES, page_header, showing_errors, task_line
from pages.parts.session import current_task, enter_through_app, workbench
from pages.parts.welcome import show_welcome
from workbench.comparisons import compare


def next_step(task: Task) -> tuple[str, str]:
    """The one next thing to do: the button's words and its page."""
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
    if not has_variant_measured(task):
        return "Continue: train classifiers", "train"
    return (f"Continue: review {plural(waiting, 'text')}", "review") if waiting else ("See the results", "results")


def has_variant_measured(task: Task) -> bool:
    """Whether any experiment with a finished run has a variant."""
    return any(one.variants for one in workbench().store.experiments.list_finished(task.id))


def show_counts(task: Task, runs: list[GenerationRun]) -> None:
    """Counts along the journey."""
    store = workbench().store
    seed_sets = store.tasks.seed_sets(task.id)
    status = store.reviews.count_status(task.id)
    n_texts = sum(status.values())
    columns = st.columns(5)
    columns[0].metric(
        "Seeds", len(seed_sets[0].examples) if seed_sets else 0, help="in the newest seed set", border=True
    )
    columns[1].metric("Prompt versions", len(store.prompts.all(task.id)), border=True)
    columns[2].metric("Synthetic texts", f"{n_texts:,}", help=f"in {plural(len(runs), 'generation run')}", border=True)
    columns[3].metric(
        "Reviewed",
        f"{n_texts - status[ReviewStatus.PENDING]:,}",
        help=f"{status[ReviewStatus.ACCEPTED]:,} accepted, {status[ReviewStatus.REJECTED]:,} rejected",
        border=True,
    )
    columns[4].metric("Training runs", f"{store.trainings.count_done(task.id):,}", border=True)


def show_running() -> None:
    """What runs now, with what is left; polls only while something does."""
    unfinished = workbench().store.runs.unfinished()
    if not unfinished:
        st.caption("Nothing runs now.")
    for key, state in unfinished:
        left = f", {format_duration(state.eta_s)} left" if state.eta_s is not None else ""
        st.progress(
            progress_share(state), text=escape_markdown(f"{key.kind.value} {key.id}: {state.status.value}{left}")
        )


def show_unfinished(task: Task, runs: list[GenerationRun]) -> None:
    """The newest of each kind that stands half done, paused or interrupted, and the way to it."""
    experiments = [(one.id, one.state) for one in workbench().store.experiments.all(task.id)]
    for kind, page, states in (
        ("Generation", "generate", [(run.id, run.state) for run in runs]),
        ("Experiment", "train", experiments),
    ):
        half_done = [(number, one) for number, one in states if one.status in (RunStatus.PAUSED, RunStatus.INTERRUPTED)]
        for number, state in half_done[:1]:
            done = f"{state.n_done:,} of {state.n_total:,}"
            st.caption(f"{kind} {number}: {state.status.value} at {done}; it can be resumed there.")
            if st.button(f"Open {kind.lower()} {number}", key=f"overview_{page}", icon=":material/resume:"):
                if page == "generate":
                    open_run(number)
                st.switch_page(PAGES[page])


def show_journey(task: Task, runs: list[GenerationRun]) -> None:
    """Each step with a tick, and the last things that happened."""
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
button, page = next_step(task)
if page_header("Overview", task_line(task)).button(
    button, type="primary", key="overview_next", icon=":material/arrow_forward:"
):
    st.switch_page(PAGES[page])

with showing_errors():
    runs = store.generations.all(task.id)
    show_counts(task, runs)
    left, right = st.columns([5, 2], gap="medium")
    with left.container(border=True, height="stretch"):
        experiment = next(iter(store.experiments.list_finished(task.id)), None)
        measured = compare(workbench(), [experiment]) if experiment else None
        answer = headline(measured.runs, "macro_f1", measured.names) if measured else "What augmentation gained"
        st.subheader(escape_markdown(answer), anchor=False)
        if measured:
            points = aggregate_runs(measured.runs, "macro_f1")
            show_chart(
                learning_curve(points, "macro_f1", measured.styles, measured.names),
                key="overview_gain",
                alt="macro-F1 by number of synthetic texts, newest experiment",
            )
        else:
            st.caption(
                "The learning curve appears here after the first training run: macro-F1 on the "
                "test split against the number of synthetic texts."
            )
    with right:
        with st.container(border=True):
            st.subheader("The journey", anchor=False)
            show_journey(task, runs)
        with st.container(border=True):
            st.subheader("Running", anchor=False)
            st.fragment(show_running, run_every=1.0 if store.runs.unfinished() else None)()
            show_unfinished(task, runs)
