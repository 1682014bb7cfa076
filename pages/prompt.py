"""Prompt: edit the template, see it rendered, try it on the LM, save it as a new version."""

import difflib
from dataclasses import asdict

import streamlit as st

from augment.data.prepare import count_wordpieces
from augment.generation.generate import draw_prompt
from augment.generation.strategies import Outcome
from augment.lms import EMBEDDED_LM
from augment.prompts.few_shot import FewShot
from augment.prompts.template import DEFAULT_TEMPLATE, check_template
from augment.records import GenerationConfig, PromptTemplate, PromptVersion, Sampling, SeedSet, Task
from pages.parts.formats import escape_markdown
from pages.parts.language_models import choose_lm, choose_seed_choice, choose_strategy
from pages.parts.layout import PAGES, label_bar, literal, page_header, showing_errors, task_line
from pages.parts.session import enter_through_app, require_task, workbench
from workbench.generation import try_prompt

N_TRIES = 5


def field(task: Task, name: str) -> str:
    return f"prompt_{task.id}_{name}"


def load_template(task: Task, template: PromptTemplate) -> None:
    """Put a template into the editor."""
    for name, value in asdict(template).items():
        st.session_state[field(task, name)] = value


def save_version(task: Task, template: PromptTemplate) -> None:
    """The save button's callback: the new version is the chosen one before the page runs again."""
    saved = workbench().store.prompts.save(task.id, template)
    st.session_state[f"prompt_{task.id}_version"] = saved.number
    st.toast(f"Prompt version {saved.number} saved", icon=":material/check:")


def default_template(task: Task) -> PromptTemplate:
    return PromptTemplate(
        DEFAULT_TEMPLATE.description, DEFAULT_TEMPLATE.item, DEFAULT_TEMPLATE.open_item, task.text_type, task.label_type
    )


def choose_version(task: Task, versions: list[PromptVersion]) -> PromptVersion | None:
    """Which version the editor starts from; choosing one loads it."""
    key = f"prompt_{task.id}_version"

    def load() -> None:
        chosen = next((one for one in versions if one.number == st.session_state[key]), None)
        load_template(task, chosen.template if chosen else default_template(task))

    numbers = [one.number for one in versions]
    number = st.selectbox(
        "Version",
        [*numbers, 0],
        format_func=lambda n: name_version(n, versions),
        key=key,
        on_change=load,
        persist_state="session",
    )
    return next((one for one in versions if one.number == number), None)


def name_version(number: int, versions: list[PromptVersion]) -> str:
    if not number:
        return "the default (GPT3Mix)"
    one = next(one for one in versions if one.number == number)
    return f"{number} · {one.created_at:%d %b %H:%M}" + (f" · {one.note}" if one.note else "")


def edit(task: Task) -> PromptTemplate:
    """The template as it stands in the editor."""
    description = st.text_area(
        "Description",
        height=150,
        key=field(task, "description"),
        persist_state="session",
        help="{examples} is where the seeds go, one a line",
    )
    item = st.text_input(
        "Item",
        key=field(task, "item"),
        persist_state="session",
        help="One line for each seed, with {text} before {label}",
    )
    open_item = st.text_input(
        "Open item", key=field(task, "open_item"), persist_state="session", help="What the language model continues"
    )
    given_item = st.text_input(
        "Given item",
        key=field(task, "given_item"),
        persist_state="session",
        help="The item of the strategy conditional: {label} before {text}, which ends it",
    )
    left, right = st.columns(2)
    text_type = left.text_input("Text type", key=field(task, "text_type"), persist_state="session")
    label_type = right.text_input("Label type", key=field(task, "label_type"), persist_state="session")
    st.caption(
        "Placeholders: {text_type}, {Text_type}, {label_type}, {Label_type}, {labels} everywhere; {examples} in the "
        "description; {text} and {label} in the items."
    )
    return PromptTemplate(description, item, open_item, text_type, label_type, given_item)


def show_diff(old: PromptTemplate, new: PromptTemplate) -> None:
    """What the editor changes against the version it started from."""
    before, after = (
        "\n".join(f"{name}: {value}" for name, value in asdict(one).items()).splitlines() for one in (old, new)
    )
    lines = [
        line
        for line in difflib.unified_diff(before, after, lineterm="", n=0)
        if not line.startswith(("---", "+++", "@@"))
    ]
    with st.expander("Changed since this version", expanded=True):
        st.code("\n".join(lines), language="diff")


def show_prompt(config: GenerationConfig, seeds: SeedSet, number: int) -> None:
    """The rendered prompt of one attempt, with its token count."""
    prompt = draw_prompt(config, FewShot(config, seeds.examples), number).text
    exact = workbench().lms.count_tokens(config.lm, prompt)
    count = f"{exact:,} tokens" if exact is not None else f"about {count_wordpieces([prompt])[0]:,} tokens"
    left, right = st.columns([3, 1], vertical_alignment="center")
    left.markdown(
        f"**Rendered prompt** · {count}",
        help="By the language model's own vocabulary once it is loaded (Try); until then by WordPiece.",
    )
    if right.button("Other seeds", key="prompt_other", icon=":material/casino:", width="stretch"):
        st.session_state["prompt_number"] = number + 1
        st.rerun()
    st.code(prompt, language=None, wrap_lines=True, height=300)


def show_outcome(outcome: Outcome, labels: tuple[str, ...]) -> None:
    """One completion: raw, what it was read as, and its label probabilities where they were scored."""
    with st.container(border=True):
        parsed = outcome.parsed
        if parsed.reason is None:
            literal(parsed.text)
            with st.container(horizontal=True, vertical_alignment="center"):
                st.badge(escape_markdown(parsed.label), color="primary", icon=":material/label:")
                if outcome.label_probs and len(outcome.label_probs) == len(labels):
                    label_bar(labels, outcome.label_probs)
        else:
            st.badge(f"reject: {parsed.reason.value}", color="gray", icon=":material/block:")
            st.caption(escape_markdown(parsed.detail))
        st.code(outcome.completion.text or "(nothing)", language=None, wrap_lines=True)


def trial_panel(config: GenerationConfig, seeds: SeedSet, number: int, api_key: str | None) -> None:
    """Ask the LM now and show what came back."""
    if st.button(f"Try {N_TRIES}", key="prompt_try", icon=":material/play_arrow:"):
        with st.spinner(
            f"Asking {config.lm.name} for {N_TRIES} completions; the first time it is loaded too", show_time=True
        ):
            st.session_state["prompt_outcomes"] = try_prompt(
                workbench(), config, seeds.examples, number=number, n=N_TRIES, api_key=api_key
            )
        st.session_state["prompt_n_trials"] = config.sampling.rng_seed + 1
        st.rerun()  # the token count is exact now
    outcomes = st.session_state.get("prompt_outcomes")
    if not outcomes:
        st.caption(
            "What the language model makes of this prompt appears here: the raw completion, and "
            "the text and label read from it. Nothing of it is stored."
        )
        return
    n_valid = sum(outcome.parsed.reason is None for outcome in outcomes)
    st.markdown(f"**{n_valid} of {len(outcomes)}** parsed")
    for outcome in outcomes:
        show_outcome(outcome, config.labels)


enter_through_app()
task = require_task("Prompt")
store = workbench().store
versions = store.prompts.all(task.id)
seed_sets = store.tasks.seed_sets(task.id)
if field(task, "description") not in st.session_state:
    load_template(task, versions[0].template if versions else default_template(task))

action = page_header("Prompt", task_line(task))
left, right = st.columns([2, 3], gap="large")
with left:
    base = choose_version(task, versions)
    template = edit(task)
    if base is not None and template != base.template:
        show_diff(base.template, template)
    is_new = not versions or template != versions[0].template
    is_valid = False
    with showing_errors():
        check_template(template)
        is_valid = True
        action.button(
            "Save as a new version" if is_new else "Saved",
            type="primary",
            disabled=not is_new,
            key="prompt_save",
            icon=":material/save:",
            on_click=save_version,
            args=(task, template),
        )
    if not is_new and action.button("Continue: generate", key="prompt_continue", icon=":material/arrow_forward:"):
        st.switch_page(PAGES["generate"])
with right:
    if not seed_sets:
        st.info(
            "There is no seed set yet: save one on the Seeds page, and the prompt is rendered with it here.",
            icon=":material/potted_plant:",
        )
        if st.button("Choose seeds", key="prompt_to_seeds"):
            st.switch_page(PAGES["seeds"])
        st.stop()
    if not is_valid:
        st.caption("The rendered prompt appears here once the template is mended.")
        st.stop()
    with showing_errors():
        one, two, three = st.columns([2, 2, 1])
        with one:
            seed_set = st.selectbox(
                "Seed set",
                seed_sets,
                format_func=lambda one: f"{one.id} · {one.name}",
                key=f"prompt_{task.id}_seed_set",
            )
        with two:
            seed_choice = choose_seed_choice("prompt")
        n_seeds = three.number_input(
            "Seeds a prompt", min_value=1, max_value=16, value=8, key="prompt_n_seeds", persist_state="session"
        )
        strategy = choose_strategy("prompt", with_rules=False)
        with st.expander("Language model and sampling"):
            chosen_lm, api_key = choose_lm("prompt")
            lm = chosen_lm or EMBEDDED_LM  # until another one has a name
            one, two = st.columns(2)
            temperature = one.number_input(
                "Temperature", 0.1, 5.0, 1.0, 0.1, key="prompt_temperature", persist_state="session"
            )
            top_p = two.number_input("Top-p", 0.05, 1.0, 0.9, 0.05, key="prompt_top_p", persist_state="session")
        # Each try draws anew from the same prompt.
        sampling = Sampling(temperature=temperature, top_p=top_p, rng_seed=st.session_state.get("prompt_n_trials", 0))
        config = GenerationConfig(
            template,
            task.labels,
            lm,
            sampling,
            strategy=strategy,
            n_seeds=n_seeds,
            seed_choice=seed_choice,
            texts_per_prompt=1,
        )
        number = st.session_state.get("prompt_number", 0)
        show_prompt(config, seed_set, number)
        trial_panel(config, seed_set, number, api_key)
