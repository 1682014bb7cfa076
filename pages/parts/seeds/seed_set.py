"""Few-shot seeds are drawn or picked from the pool, looked at, and saved as a seed set."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from augment.data import draw_seeds
from augment.errors import AugmentError
from augment.records import Example, Split, Task
from augment.wording import plural
from pages.parts.formats import escape_markdown
from pages.parts.layout import show_error
from pages.parts.seeds.state import RNG_SEED, draw_again
from pages.parts.session import workbench
from workbench.tasks import save_seeds

RANDOM, FIRST, BY_HAND = "Random", "First in order", "By hand"
TABLE_HEIGHT = 420


@dataclass(frozen=True, slots=True)
class ChosenSeeds:
    """The seeds as they are ticked now, and the RNG seed that drew them, if any."""

    examples: list[Example]
    rng_seed: int | None = None


def seed_panel(task: Task, action: "st.delta_generator.DeltaGenerator") -> bool:
    """Choose seeds and look at them; the save button goes into `action`. Returns whether these very seeds are saved."""
    st.subheader("Few-shot seeds", anchor=False)
    try:
        chosen = _choose(task)
    except AugmentError as error:
        show_error(str(error))
        action.button("Save seeds", key="seeds_save", disabled=True, icon=":material/save:", help="Draw seeds first")
        return False
    by_label = {label: sum(example.label == label for example in chosen.examples) for label in task.labels}
    saved = next(
        (
            seed_set
            for seed_set in workbench().store.tasks.seed_sets(task.id)
            if {example.id for example in seed_set.examples} == {example.id for example in chosen.examples}
        ),
        None,
    )
    state = f":material/check_circle: Saved as seed set {saved.id} · " if saved else ""
    st.caption(state + escape_markdown(", ".join(f"{label} {n}" for label, n in by_label.items())))
    missing = [label for label, n in by_label.items() if not n]
    if missing and chosen.examples:
        st.warning(
            escape_markdown(
                f"No seed for {', '.join(missing)}. Add at least one: without a seed, the language model rarely writes "
                "texts with that label, and no classifier can learn it."
            ),
            icon=":material/warning:",
        )
    if action.button(
        "Saved" if saved else f"Save {plural(len(chosen.examples), 'seed')}",
        key="seeds_save",
        disabled=not chosen.examples or saved is not None,
        icon=":material/save:",
        type="secondary" if saved else "primary",
        help=None if chosen.examples else "Select at least one text in the table",
    ):
        save_seeds(workbench(), task.id, chosen.examples, rng_seed=chosen.rng_seed)
        st.rerun()
    return saved is not None


def _choose(task: Task) -> ChosenSeeds:
    """The seeds as they are chosen now, before they are saved."""
    pool = workbench().store.tasks.examples(task.id, Split.POOL)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        method = st.segmented_control(
            "How to choose",
            [RANDOM, FIRST, BY_HAND],
            default=RANDOM,
            required=True,
            key="seeds_method",
            help="Choose Random for a fair draw, First in order to repeat the reference notebook, By hand to pick "
            "typical texts yourself.",
        )
        if method != BY_HAND:
            n = st.number_input("Seeds per label", min_value=1, value=10, key="seeds_n", width=115)
        if method == RANDOM:
            rng_seed = st.number_input(
                "RNG seed", min_value=0, value=0, key=RNG_SEED, width=115, help="The same number draws the same seeds"
            )
            st.button("Draw again", key="seeds_again", icon=":material/casino:", on_click=draw_again)
    if method == BY_HAND:
        return ChosenSeeds(_pick_by_hand(pool))
    if method == FIRST:
        return ChosenSeeds(_tick(draw_seeds.take_first_seeds(pool, task.labels, n), task))
    drawn = draw_seeds.draw_seeds(pool, task.labels, n, rng_seed=rng_seed)
    return ChosenSeeds(_tick(drawn, task), rng_seed)


def _tick(drawn: list[Example], task: Task) -> list[Example]:
    """The drawn seeds grouped by label, each with a tick; returns the ticked ones."""
    frame = _table(drawn)
    frame.insert(0, "use", True)
    edited = st.data_editor(
        frame,
        hide_index=True,
        height=TABLE_HEIGHT,
        disabled=["label", "text"],
        column_config={
            "use": st.column_config.CheckboxColumn("use", width=60),
            "label": st.column_config.TextColumn(width=90),
        },
        key=f"seeds_ticks_{task.id}_{hash(tuple(example.id for example in drawn))}",
    )
    return [example for example, is_used in zip(drawn, edited["use"], strict=True) if is_used]


def _pick_by_hand(pool: list[Example]) -> list[Example]:
    """The whole pool as a table; returns the selected rows."""
    state = st.dataframe(
        _table(pool),
        hide_index=True,
        height=TABLE_HEIGHT,
        on_select="rerun",
        selection_mode="multi-row",
        key="seeds_pick",
        column_config={"label": st.column_config.TextColumn(width=90)},
    )
    return [pool[row] for row in state.selection.rows]


def _table(examples: Sequence[Example]) -> pd.DataFrame:
    return pd.DataFrame(
        {"label": [example.label for example in examples], "text": [example.text for example in examples]}
    )


def show_seed_sets(task: Task) -> None:
    """All saved seed sets with their texts, newest first."""
    seed_sets = workbench().store.tasks.seed_sets(task.id)
    if not seed_sets:
        return
    with st.expander(plural(len(seed_sets), "saved seed set")):
        for seed_set in seed_sets:
            made = f"{seed_set.created_at:%d %b %H:%M} UTC"
            st.markdown(f"**{seed_set.id}** · {escape_markdown(seed_set.name)} · {made}")
            rows = [{"label": text.label, "text": text.text, "from": text.split.value} for text in seed_set.examples]
            st.dataframe(pd.DataFrame(rows), hide_index=True, height=180, key=f"seeds_set_{seed_set.id}")
