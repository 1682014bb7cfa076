"""The stored label sources: how far labelling runs are, what files matched, and what can be done with each."""

import streamlit as st

from augment.records import LabellingConfig, Price, RunKey, RunKind, StoredLabelSource, Task
from augment.wording import plural
from pages.parts.formats import STATUS_ICONS, escape_markdown, format_state, progress_share
from pages.parts.language_models import key_for
from pages.parts.session import workbench
from workbench.labelling import resume_labelling

N_LISTED = 4


def show_sources(task: Task) -> None:
    """The newest sources in sight, the others folded away."""
    sources = workbench().store.label_sources.all(task.id)
    sources.sort(key=lambda source: not source.state.status.is_active)
    for source in sources[:N_LISTED]:
        show_source(source)
    if len(sources) > N_LISTED:
        with st.expander(f"{plural(len(sources) - N_LISTED, 'older source')}"):
            for source in sources[N_LISTED:]:
                show_source(source)


def show_source(source: StoredLabelSource) -> None:
    """One source: its name and state on the left, what can be done on the right."""
    with st.container(border=True):
        left, right = st.columns([5, 3], vertical_alignment="center")
        left.markdown(f"**{escape_markdown(source.name)}** · {STATUS_ICONS[source.state.status]}")
        said = escape_markdown(describe(source))
        if source.state.status.is_active:
            left.progress(progress_share(source.state), text=said)
        else:
            left.caption(said)
        with right.container(horizontal=True, horizontal_alignment="right"):
            if source.state.status.is_active:
                _offer_stop(source)
            else:
                _offer_more(source)


def describe(source: StoredLabelSource) -> str:
    """What a file matched; how far a run is, what it cost, and its message."""
    if source.config is None:
        return source.state.message
    parts = [format_state(source.state, "questions")]
    if source.cost:
        parts.append(f"cost {source.cost:.3g}")
    return " · ".join([*parts, *([source.state.message] if source.state.message else [])])


def _offer_stop(source: StoredLabelSource) -> None:
    key = RunKey(RunKind.LABELLING, source.id)
    is_stopping = workbench().runner.is_stopping(key)
    st.button(
        "Stopping" if is_stopping else "Cancel",
        key=f"review_labels_cancel_{source.id}",
        icon=":material/stop:",
        disabled=is_stopping,
        help="Stops after the current batch; stored opinions are kept",
        on_click=cancel,
        args=(key,),
    )


def cancel(key: RunKey) -> None:
    """The cancel button's callback."""
    workbench().runner.cancel(key)


def _offer_more(source: StoredLabelSource) -> None:
    """Go on with a run that has texts left, with a higher budget if it has one; or remove the source."""
    sources = workbench().store.label_sources
    n_left = sources.count_to_ask(source.task_id, source.id) if source.config else 0
    budget = None
    with st.popover("More", icon=":material/more_horiz:", key=f"review_labels_more_{source.id}"):
        if source.config and source.config.price != Price():
            budget = _choose_budget(source, source.config)
        if st.button("Remove this source", key=f"review_labels_remove_{source.id}", icon=":material/delete:"):
            sources.remove(source.id)
            st.rerun()
    if (
        source.config
        and n_left
        and st.button(
            f"Ask about {plural(n_left, 'text')} more",
            key=f"review_labels_resume_{source.id}",
            icon=":material/play_arrow:",
        )
    ):
        resume_labelling(workbench(), source.id, budget=budget, api_key=key_for("review_labels", source.config.lm))
        st.rerun()


def _choose_budget(source: StoredLabelSource, config: LabellingConfig) -> float | None:
    return st.number_input(
        "Budget in total",
        0.0,
        value=config.budget,
        format="%g",
        placeholder="none",
        key=f"review_labels_budget_{source.id}",
        help="The run stops before it has cost more",
    )
