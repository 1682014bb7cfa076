"""Import labelled texts as a task: choose a source, labels and a length filter."""

from dataclasses import dataclass, replace

import streamlit as st

from augment.data import prepare, read_files
from augment.records import Split
from augment.wording import plural
from pages.parts.columns import choose_columns
from pages.parts.formats import escape_markdown
from pages.parts.seeds.state import SOURCE, DataSource, seeds_state
from pages.parts.session import choose_task, workbench
from workbench.tasks import EXAMPLE_LABELS

SPLIT_NAMES = {None: "automatic", Split.POOL: "pool", Split.VALIDATION: "validation", Split.TEST: "test"}
MOST_LABELS = 10  # kept unless chosen otherwise


@dataclass(frozen=True, slots=True)
class ChosenSource:
    """Tables as read, the name that the task gets, where they came from, and what prompts call a text and its label."""

    tables: list[read_files.SourceTable]
    name: str
    origin: str
    text_type: str = "text"
    label_type: str = "label"
    is_upload: bool = False


def import_panel(action: "st.delta_generator.DeltaGenerator | None" = None) -> None:
    """Source and labels in two short steps, and the import button: in `action`, or below the steps."""
    source = _choose_source()
    if not source.tables:
        return
    text_column, label_column = choose_columns(source.tables, "seeds") if source.is_upload else ("text", "label")
    if label_column is None:
        return
    st.subheader("2 · Labels", anchor=False)
    counts = read_files.count_labels(source.tables, label_column)
    rename = _choose_labels(counts)
    text_type, label_type = _choose_words(source)
    max_tokens = _choose_length()
    n = sum(counts[label] for label in rename)
    if not (action or st).button(
        f"Import {plural(n, 'text')}",
        type="primary" if action else "secondary",
        key="seeds_import",
        icon=":material/download_done:",
    ):
        return
    choice = prepare.DataChoice(
        text_column, label_column, rename, max_tokens, text_type=text_type, label_type=label_type
    )
    with st.spinner("Filtering the texts and separating the splits"):
        data = prepare.prepare(source.tables, choice, name=source.name, source=source.origin)
        task = workbench().store.tasks.create(data)
    choose_task(task.id)
    st.rerun()


# Source --------------------------------------------------------------------------------------------------------------


def _choose_source() -> ChosenSource:
    st.subheader("1 · Source", anchor=False)
    source = st.segmented_control(
        "Source",
        list(DataSource),
        default=DataSource.STARTER,
        required=True,
        format_func=str,
        key=SOURCE,
        persist_state="session",
        label_visibility="collapsed",
    )
    if source == DataSource.STARTER:
        st.caption(read_files.STARTER_NOTE)
        return ChosenSource(read_files.read_starter(), "Starter", "starter set", "tweet", "sentiment")
    return _download() if source == DataSource.HUB else _upload()


def _download() -> ChosenSource:
    """The Emotion data set, once it was downloaded."""
    name = read_files.EMOTION_HUB_NAME
    st.caption(
        f"{name}: 20,000 tweets in six emotions (Saravia et al. 2018), for research and education. Choose it to repeat "
        "the published experiment. The download needs the internet."
    )
    state = seeds_state()
    if not state.hub_tables and st.button("Download from the hub", key="seeds_download", icon=":material/download:"):
        with st.spinner(f"Downloading {name} from the hub"):
            state.hub_tables = read_files.read_hub(name)
        st.rerun()
    return ChosenSource(state.hub_tables, "Emotion", f"hub: {name}", "tweet", "sentiment")


@st.cache_data(max_entries=8, show_spinner="Reading the file")
def _read_upload(name: str, data: bytes) -> list[read_files.SourceTable]:
    return read_files.read_file(name, data)


def _upload() -> ChosenSource:
    """Files of any format that `read_files` reads, each with the split it is."""
    files = st.file_uploader(
        "CSV, TSV, JSONL, Parquet, 'text;label' .txt, or a zipped save_to_disk folder",
        accept_multiple_files=True,
        key="seeds_upload",
        help="Upload several files if the data set comes in splits. File names that contain train, val or test are "
        "recognised.",
    )
    tables = [table for file in files for table in _read_upload(file.name, file.getvalue())]
    if not tables:
        return ChosenSource([], "Upload", "")
    name = st.text_input("Name", value="Upload", key="seeds_name", help="What every page calls the data set")
    return ChosenSource(
        [_choose_split(i, table) for i, table in enumerate(tables)],
        name.strip() or "Upload",
        f"upload: {', '.join(file.name for file in files)}",
        is_upload=True,
    )


def _choose_split(number: int, table: read_files.SourceTable) -> read_files.SourceTable:
    """Which split a table is; guessed from its name."""
    options = list(SPLIT_NAMES)
    split = st.selectbox(
        f"Split of {escape_markdown(table.name)} ({plural(len(table.frame), 'row')})",
        options,
        index=options.index(table.split),
        format_func=lambda split: SPLIT_NAMES[split],
        key=f"seeds_split_{number}_{table.name}",
        help="Choose a split if the file holds only that split. Otherwise leave it automatic: the texts are divided "
        "into pool (the seeds come from it), validation and test.",
    )
    return replace(table, split=split)


# Labels and words ----------------------------------------------------------------------------------------------------


def _choose_labels(counts: dict[str, int]) -> dict[str, str]:
    """The kept labels in their order, each with the name it gets."""
    reference = [label for label in EXAMPLE_LABELS if label in counts]
    default = reference if len(reference) == len(EXAMPLE_LABELS) else list(counts)[:MOST_LABELS]
    kept = st.multiselect(
        "Labels to keep",
        list(counts),
        default=default,
        format_func=lambda label: f"{label} ({counts[label]:,})",
        key="seeds_labels",
        help="Texts with other labels are left out. All pages list the labels in this order.",
    )
    with st.popover("Rename labels", icon=":material/edit:"):
        st.caption("The prompt shows these names to the language model.")
        return {
            label: st.text_input(escape_markdown(label), value=label, key=f"seeds_rename_{label}").strip() or label
            for label in kept
        }


def _choose_words(source: ChosenSource) -> tuple[str, str]:
    """What the prompt calls a text and its label. Each source has its own defaults, so also its own fields."""
    left, right = st.columns(2)
    text_type = left.text_input(
        "Text type",
        value=source.text_type,
        key=f"seeds_text_type_{source.text_type}",
        help="The prompt calls each item this: 'tweet', 'film review', 'news item'",
    )
    label_type = right.text_input(
        "Label type",
        value=source.label_type,
        key=f"seeds_label_type_{source.label_type}",
        help="The prompt calls what the labels say this: 'sentiment', 'topic', 'intent'",
    )
    return text_type.strip() or source.text_type, label_type.strip() or source.label_type


def _choose_length() -> int | None:
    """The length filter, which most people leave as it is."""
    with st.expander("Advanced"):
        max_tokens = st.number_input(
            "Keep texts shorter than (tokens)",
            min_value=0,
            value=30,
            step=5,
            key="seeds_max_tokens",
            help="Choose 30 for tweets, as the reference notebook does, and 0 to keep every text. Tokens are WordPiece "
            "tokens, including [CLS] and [SEP].",
        )
    return max_tokens or None
