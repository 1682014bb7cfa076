"""Seeds: take labelled texts in, keep the splits apart, and choose the few-shot seeds."""

from dataclasses import replace

import pandas as pd
import streamlit as st

from augment.data import draw_seeds, prepare, read_files
from augment.errors import DataError
from augment.records import Example, Split, Task
from augment.results.charts.counts import split_counts
from augment.wording import plural
from pages.parts.formats import escape_markdown
from pages.parts.layout import PAGES, page_header, showing_errors, task_line
from pages.parts.session import choose_task, current_task, enter_through_app, workbench

STARTER, HUB, UPLOAD = "Starter set", "Emotion (hub)", "Upload"
REFERENCE_LABELS = ("joy", "anger", "surprise")
RANDOM, FIRST, BY_HAND = "Random", "First in order", "By hand"
SPLIT_NAMES = {None: "divide for me", Split.POOL: "pool", Split.VALIDATION: "validation", Split.TEST: "test"}


@st.cache_data(max_entries=8, show_spinner="Reading the file")
def read_upload(name: str, data: bytes) -> list[read_files.SourceTable]:
    return read_files.read_file(name, data)


def choose_source() -> tuple[list[read_files.SourceTable], str, str]:
    """The tables as read, the name the task gets, and where they came from."""
    source = st.segmented_control(
        "Source", [STARTER, HUB, UPLOAD], default=STARTER, required=True, key="seeds_source", persist_state="session"
    )
    if source == STARTER:
        st.caption(read_files.STARTER_NOTE)
        return read_files.read_starter(), "Starter", "starter set"
    if source == HUB:
        st.caption(
            f"{read_files.EMOTION_HUB_NAME}: 20,000 tweets in six emotions (Saravia et al. 2018), "
            "for research and education."
        )
        if st.button("Download from the hub", key="seeds_download", icon=":material/download:"):
            with st.spinner(f"Downloading {read_files.EMOTION_HUB_NAME} from the hub"):
                st.session_state["seeds_hub_tables"] = read_files.read_hub(read_files.EMOTION_HUB_NAME)
        return st.session_state.get("seeds_hub_tables", []), "Emotion", f"hub: {read_files.EMOTION_HUB_NAME}"
    files = st.file_uploader(
        "CSV, TSV, JSONL, Parquet, 'text;label' .txt, or a zipped save_to_disk folder",
        accept_multiple_files=True,
        key="seeds_upload",
        help="Several files may be the splits of one data set: train, val and test are told by their names.",
    )
    tables = [table for file in files for table in read_upload(file.name, file.getvalue())]
    name = st.text_input("Name", value="Upload", key="seeds_name") if tables else "Upload"
    return (
        [choose_split(i, table) for i, table in enumerate(tables)],
        name,
        f"upload: {', '.join(file.name for file in files)}",
    )


def choose_split(number: int, table: read_files.SourceTable) -> read_files.SourceTable:
    """Which split a table is; guessed from its name."""
    options = list(SPLIT_NAMES)
    split = st.selectbox(
        f"{escape_markdown(table.name)} ({len(table.frame):,} rows) is",
        options,
        index=options.index(table.split),
        format_func=lambda split: SPLIT_NAMES[split],
        key=f"seeds_split_{number}_{table.name}",
    )
    return replace(table, split=split)


def choose_columns(tables: list[read_files.SourceTable]) -> tuple[str, str | None]:
    """The text and the label column, guessed from their names; no label column where no name tells it."""
    columns = read_files.list_columns(tables)
    if len(columns) < 2:
        raise DataError(
            f"A text and a label column are needed; found {', '.join(columns) or 'no column that all files share'}."
        )
    names = [column.lower() for column in columns]
    label_at = next(
        (i for i, name in enumerate(names) if name in ("label", "labels", "class", "sentiment", "emotion")), -1
    )
    text_at = next((i for i, name in enumerate(names) if name in ("text", "tweet", "sentence", "content")), -1)
    left, right = st.columns(2)
    text = left.selectbox("Text column", columns, index=max(text_at, 0), key="seeds_text_column")
    label = right.selectbox(
        "Label column",
        columns,
        index=label_at if label_at >= 0 else None,
        placeholder="Choose the label column",
        key="seeds_label_column",
    )
    return text, label


def choose_labels(counts: dict[str, int]) -> dict[str, str]:
    """The kept labels in their order, each with the name it gets."""
    reference = [label for label in REFERENCE_LABELS if label in counts]
    default = reference if len(reference) == len(REFERENCE_LABELS) else list(counts)[:10]
    kept = st.multiselect(
        "Labels to keep",
        list(counts),
        default=default,
        format_func=lambda label: f"{label} ({counts[label]:,})",
        key="seeds_labels",
    )
    with st.popover("Rename labels", icon=":material/edit:"):
        return {
            label: st.text_input(escape_markdown(label), value=label, key=f"seeds_rename_{label}").strip() or label
            for label in kept
        }


def import_panel() -> None:
    """Source, columns, labels, token filter: three short steps and a button."""
    st.subheader("1 · Source", anchor=False)
    tables, name, source = choose_source()
    if not tables:
        return
    st.subheader("2 · Labels", anchor=False)
    text_column, label_column = (
        ("text", "label") if source != UPLOAD and not source.startswith("upload") else choose_columns(tables)
    )
    if label_column is None:
        st.info("No column is named like a label. Choose the one that holds the labels.", icon=":material/label:")
        return
    rename = choose_labels(read_files.count_labels(tables, label_column))
    st.subheader("3 · Filter", anchor=False)
    max_tokens = st.number_input(
        "Keep texts of fewer tokens than",
        min_value=0,
        value=30,
        step=5,
        key="seeds_max_tokens",
        help="WordPiece tokens with [CLS] and [SEP], as in the reference notebook. 0 keeps every length.",
    )
    left, right = st.columns(2)
    text_type = left.text_input("Text type", value="tweet", key="seeds_text_type")
    label_type = right.text_input("Label type", value="sentiment", key="seeds_label_type")
    if st.button(
        "Import",
        type="secondary" if current_task() else "primary",
        key="seeds_import",
        icon=":material/download_done:",
        width="stretch",
    ):
        choice = prepare.DataChoice(
            text_column,
            label_column,
            rename,
            max_tokens or None,
            text_type=text_type.strip() or "text",
            label_type=label_type.strip() or "label",
        )
        with st.spinner("Filtering, and keeping the splits apart"):
            task = workbench().store.tasks.create(
                prepare.prepare(tables, choice, name=name.strip() or "Upload", source=source)
            )
        choose_task(task.id)
        st.session_state.pop("seeds_drawn_for", None)
        st.rerun()


def show_counts(task: Task) -> None:
    """Counts a label by split, and what was left out."""
    counts = workbench().store.tasks.count_examples(task.id)
    totals = {split: sum(n for (one, _), n in counts.items() if one is split) for split in Split if split.is_real}
    st.markdown(" · ".join(f"**{n:,}** {split.value}" for split, n in totals.items()))
    st.plotly_chart(
        split_counts(counts, task.labels),
        key="seeds_counts",
        alt="Examples per label and split",
        config={"displayModeBar": False},
    )
    left_out = workbench().store.tasks.left_out(task.id)
    if left_out:
        frame = pd.DataFrame(
            [{"reason": one.reason, "split": one.split.value, "label": one.label, "text": one.text} for one in left_out]
        )
        with st.expander(f"{plural(len(left_out), 'row')} left out, with reasons"):
            reasons = frame["reason"].value_counts()
            st.text("\n".join(f"{n:,} × {reason}" for reason, n in reasons.items()))
            st.dataframe(frame, hide_index=True, height=240, key="seeds_left_out")


def draw(task: Task) -> tuple[list[Example], int | None]:
    """The seeds as chosen now, before they are saved, and the RNG seed where one drew them."""
    pool = workbench().store.tasks.examples(task.id, Split.POOL)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        method = st.segmented_control(
            "How", [RANDOM, FIRST, BY_HAND], default=RANDOM, required=True, key="seeds_method"
        )
        if method == BY_HAND:
            return pick_by_hand(pool), None
        n = st.number_input("Seeds a label", min_value=1, value=10, key="seeds_n", width=115)
        if method == FIRST:
            return tick(draw_seeds.take_first_seeds(pool, task.labels, n), task), None
        if st.session_state.pop("seeds_draw_again", False):
            st.session_state["seeds_rng_seed"] += 1
        rng_seed = st.number_input("RNG seed", min_value=0, value=0, key="seeds_rng_seed", width=115)
        if st.button("Draw again", key="seeds_again", icon=":material/casino:"):
            st.session_state["seeds_draw_again"] = True
            st.rerun()
    return tick(draw_seeds.draw_seeds(pool, task.labels, n, rng_seed=rng_seed), task), rng_seed


def tick(drawn: list[Example], task: Task) -> list[Example]:
    """The drawn seeds grouped by label, each with a tick; returns the ticked ones."""
    frame = pd.DataFrame({"use": True, "label": [one.label for one in drawn], "text": [one.text for one in drawn]})
    edited = st.data_editor(
        frame,
        hide_index=True,
        height=420,
        disabled=["label", "text"],
        column_config={
            "use": st.column_config.CheckboxColumn("use", width=60),
            "label": st.column_config.TextColumn(width=90),
        },
        key=f"seeds_ticks_{task.id}_{hash(tuple(one.id for one in drawn))}",
    )
    return [one for one, used in zip(drawn, edited["use"], strict=True) if used]


def pick_by_hand(pool: list[Example]) -> list[Example]:
    """The whole pool as a table; returns the selected rows."""
    frame = pd.DataFrame({"label": [one.label for one in pool], "text": [one.text for one in pool]})
    state = st.dataframe(
        frame,
        hide_index=True,
        height=420,
        on_select="rerun",
        selection_mode="multi-row",
        key="seeds_pick",
        column_config={"label": st.column_config.TextColumn(width=90)},
    )
    return [pool[row] for row in state.selection.rows]


def seed_panel(task: Task) -> None:
    """Choose seeds, see them, save them."""
    st.subheader("Few-shot seeds", anchor=False)
    chosen, rng_seed = draw(task)
    by_label = {label: sum(one.label == label for one in chosen) for label in task.labels}
    missing = [label for label, n in by_label.items() if not n]
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(
            f"Save {plural(len(chosen), 'seed')}",
            key="seeds_save",
            disabled=not chosen,
            icon=":material/save:",
            type="primary",
        ):
            name = f"{plural(len(chosen), 'seed')}" + (f", RNG seed {rng_seed}" if rng_seed is not None else "")
            saved = workbench().store.tasks.create_seed_set(task.id, name, chosen, rng_seed=rng_seed)
            st.toast(f"Seed set {saved.id} saved", icon=":material/check:")
        st.caption(escape_markdown(", ".join(f"{label} {n}" for label, n in by_label.items())))
    if missing and chosen:
        st.warning(
            escape_markdown(
                f"No seed for {', '.join(missing)}: the LM will hardly write it, and no classifier can learn it."
            ),
            icon=":material/warning:",
        )
    saved_sets = workbench().store.tasks.seed_sets(task.id)
    if saved_sets:
        with st.expander(f"{plural(len(saved_sets), 'saved seed set')}"):
            for one in saved_sets:
                st.markdown(f"**{one.id}** · {escape_markdown(one.name)} · {one.created_at:%d %b %H:%M} UTC")
                st.dataframe(
                    pd.DataFrame([{"label": e.label, "text": e.text, "from": e.split.value} for e in one.examples]),
                    hide_index=True,
                    height=180,
                    key=f"seeds_set_{one.id}",
                )


enter_through_app()
task = current_task()
action = page_header(
    "Seeds", "Real labelled texts go in here; a few of them become the examples that the language model sees."
)
if (
    task
    and workbench().store.tasks.seed_sets(task.id)
    and action.button("Continue: prompt", key="seeds_continue", icon=":material/arrow_forward:")
):
    st.switch_page(PAGES["prompt"])

left, right = st.columns([3, 5], gap="large")
with left, showing_errors():
    tasks = workbench().store.tasks.all()
    if tasks and task:
        with st.expander(f"Data in use: {task_line(task)}"):
            picked = st.selectbox(
                "Task",
                tasks,
                index=tasks.index(task),
                format_func=lambda one: f"{one.id} · {one.name} · {' / '.join(one.labels)}",
                key=f"seeds_task_{task.id}",
            )
            if picked.id != task.id:
                choose_task(picked.id)
                st.rerun()
            st.caption(escape_markdown(f"From {task.source}, {task.created_at:%d %b %Y %H:%M} UTC"))
    with st.expander("Import other data", expanded=task is None) if task else st.container():
        import_panel()
with right:
    if task is None:
        with st.container(border=True, horizontal_alignment="center"):
            st.space("medium")
            st.markdown(
                "Nothing imported yet. Choose a source on the left and press **Import**: "
                "its counts and seeds appear here.",
                text_alignment="center",
            )
            st.space("medium")
    else:
        with showing_errors():
            st.subheader(task_line(task), anchor=False)
            show_counts(task)
        with showing_errors():
            seed_panel(task)
