"""What the Generate page remembers in this browser tab. Other pages call `open_run` and use none of its keys."""

from dataclasses import dataclass

import streamlit as st

from augment.records import GenerationRun
from pages.parts.session import page_state

RUN = "generate_run"  # the widget that chooses the run to look at
RNG_SEED = "generate_rng_seed"


@dataclass(slots=True)
class GenerateState:
    """`n_imports` empties the import form after each import; `imported` says what the last one did."""

    n_imports: int = 0
    imported: str = ""


def generate_state() -> GenerateState:
    """The state of this browser tab."""
    return page_state("generate_state", GenerateState)


def open_run(run_id: int) -> None:
    """Show this run on the Generate page from now on."""
    st.session_state[RUN] = run_id


def use_rng_seed(rng_seed: int) -> None:
    """Put an RNG seed into the settings of the next run; a button's callback."""
    st.session_state[RNG_SEED] = rng_seed


def choose_run(runs: list[GenerationRun]) -> int:
    """The run to look at: the one just started or chosen, else the newest."""
    names = {run.id: f"{run.name} · {run.state.created_at:%d %b %H:%M}" for run in runs}
    if st.session_state.get(RUN) not in names:
        open_run(runs[0].id)
    chosen = st.selectbox(
        "Generation run", list(names), format_func=lambda run_id: names[run_id], key=RUN, persist_state="session"
    )
    return int(chosen)
