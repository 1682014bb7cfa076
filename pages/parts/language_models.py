"""Widgets that choose a language model and a strategy, for the pages that use one."""

import os
from dataclasses import dataclass

import streamlit as st

from augment import lms
from augment.embedded import GEMMA_NAME, LM_NAME, has_gemma
from augment.errors import LMError
from augment.generation.strategies import STRATEGIES
from augment.hardware.memory import QUANTISED_BYTES, MemoryNeed, can_quantise, free_main_memory, known_need
from augment.records import EndpointApi, LMKind, LMSpec, Quantisation, SeedChoice
from augment.records.lms import EndpointAbilities
from pages.parts.formats import escape_markdown
from pages.parts.layout import show_error, showing_errors
from pages.parts.session import page_state, workbench

_OTHER, _ENDPOINT = "Another transformers model", "An OpenAI-compatible endpoint"
_GEMMA = f"{GEMMA_NAME} (embedded)"


@dataclass(slots=True)
class _Asked:
    """What a page learned from an endpoint: its models, and what the model that was asked can do."""

    models: tuple[str, ...] = ()
    lm: LMSpec | None = None
    abilities: EndpointAbilities | None = None


def _asked(page: str) -> _Asked:
    return page_state(f"{page}_endpoint_asked", _Asked)


def _known_lms() -> dict[str, LMSpec | None]:
    gemma = {_GEMMA: lms.GEMMA} if has_gemma() else {}
    return {
        f"{LM_NAME.removesuffix('-Instruct')} (embedded)": lms.EMBEDDED_LM,
        **gemma,
        "GPT-Neo 2.7B": lms.GPT_NEO,
        "GPT-J 6B": lms.GPT_J,
        _OTHER: None,
        _ENDPOINT: None,
    }


def choose_lm(page: str) -> tuple[LMSpec | None, str | None]:
    """Widgets that choose an LM; returns it (None while it has no name yet) and, for an endpoint, the API key.

    Raises:
        LMError: the endpoint's address is not valid.
    """
    known = _known_lms()
    more = "" if has_gemma() else " To add Gemma 3 270M, run `make install GEMMA=accept`, which shows its terms."
    chosen = st.selectbox(
        "Language model",
        list(known),
        key=f"{page}_lm",
        persist_state="session",
        help="Choose an embedded model to try things out offline, a larger one for better texts, and an endpoint when "
        "the model runs on a server." + more,
    )
    if chosen == _ENDPOINT:
        return _choose_endpoint(page)
    lm = known[chosen]
    if lm is None:
        name = st.text_input(
            "Hub name, folder or .gguf file",
            placeholder="EleutherAI/gpt-neo-1.3B",
            key=f"{page}_lm_name",
            persist_state="session",
        )
        lm = LMSpec(LMKind.TRANSFORMERS, name.strip()) if name.strip() else None
    if lm is not None and lm.kind is LMKind.TRANSFORMERS:
        lm = _choose_bits(page, lm)
        lm = lm if _show_need(lm) else None
    _show_loaded(page)
    return lm, None


def _choose_bits(page: str, lm: LMSpec) -> LMSpec:
    """How many bits the weights are held in; nothing to choose where the library for fewer is not there."""
    if not can_quantise() or lm.name.endswith(".gguf"):
        return lm
    bits = st.segmented_control(
        "Weights",
        list(Quantisation),
        default=Quantisation.NONE,
        required=True,
        format_func=lambda bits: "full" if bits is Quantisation.NONE else bits.value,
        key=f"{page}_bits",
        persist_state="session",
        help="Choose fewer bits if the model does not fit into memory. On a CPU, 4-bit is about as fast as full "
        "weights, and 8-bit is slow.",
    )
    return LMSpec(lm.kind, lm.name, quantisation=Quantisation(bits))


@st.cache_data(show_spinner="Reading the model's config", max_entries=50, ttl=600)
def _measure(lm: LMSpec) -> MemoryNeed | str:
    """What the model needs, or why that is not known. The answer is cached; free memory is measured each time."""
    try:
        return lms.measure(lm) or "This language model does not run on this machine."
    except LMError as error:
        return str(error)


def _show_need(lm: LMSpec) -> bool:
    """Needed and free memory, before anything is loaded; False where there is no such model."""
    need: MemoryNeed | str | None = known_need(lm.name, bytes_per_parameter=QUANTISED_BYTES.get(lm.quantisation, 2.0))
    if need is None:
        need = _measure(lm)
    if isinstance(need, str):
        show_error(need)
        return False
    if need.device == "cpu":
        need = MemoryNeed(need.needed, free_main_memory(), need.device)
    icon = ":material/check_circle:" if need.fits else ":material/warning:"
    st.caption(f"{icon} {escape_markdown(str(need))}")
    return True


def _show_loaded(page: str) -> None:
    """Which LM stays in memory, and the button that frees it."""
    loaded = workbench().lms.loaded
    if loaded is None:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(":material/memory: loaded", width="content", help=escape_markdown(loaded.name))
        is_pressed = st.button(
            "Unload",
            key=f"{page}_unload",
            type="tertiary",
            width="content",
            help="Frees its memory; the next run loads it again",
        )
    if is_pressed:
        if workbench().lms.unload():
            st.rerun()
        st.caption(":material/hourglass_empty: The model is in use. Cancel the run first, or wait until it ends.")


def choose_strategy(page: str, *, with_rules: bool) -> str:
    """Which strategy decides the labels; `with_rules` offers those without an LM too."""
    names = [name for name, strategy in STRATEGIES.items() if strategy.needs_lm or with_rules]
    chosen = st.selectbox(
        "Strategy",
        names,
        format_func=lambda name: STRATEGIES[name].title,
        key=f"{page}_strategy",
        persist_state="session",
        help="Start with conditional: each label gets its share, and any endpoint will do. With mix, labels come as "
        "the language model gives them, for which an endpoint needs label scores."
        + (" The two without a language model show what simple rules achieve." if with_rules else ""),
    )
    st.caption(STRATEGIES[chosen].summary)
    return str(chosen)


SEED_CHOICES = {
    SeedChoice.UNIFORM: "at random",
    SeedChoice.BALANCED: "balanced by label",
    SeedChoice.NEAREST: "similar ones",
    SeedChoice.FURTHEST: "dissimilar ones",
}


def choose_seed_choice(page: str) -> SeedChoice:
    """Which seeds go into a prompt together."""
    chosen = st.selectbox(
        "Which seeds",
        list(SeedChoice),
        format_func=lambda choice: SEED_CHOICES[choice],
        key=f"{page}_seed_choice",
        persist_state="session",
        help="Choose dissimilar ones for more variety, and similar ones for texts on one subject. The embedded encoder "
        "measures similarity.",
    )
    return SeedChoice(str(chosen))


# Endpoints -----------------------------------------------------------------------------------------------------------


def _choose_endpoint(page: str) -> tuple[LMSpec | None, str | None]:
    url = st.text_input(
        "Address",
        value="http://127.0.0.1:8000/v1",
        key=f"{page}_endpoint_url",
        persist_state="session",
        help="The server's base address, up to and including /v1",
    )
    typed = st.text_input(
        "API key",
        type="password",
        key=f"{page}_endpoint_key",
        help="Used in this session only; never stored, logged or shown. If empty, OPENAI_API_KEY or secrets.toml is "
        "used.",
    )
    key = typed or find_key()
    models = _asked(page).models
    name = st.selectbox(
        "Model",
        models,
        index=None,
        accept_new_options=True,
        placeholder="Choose or type a name" if models else "Type a name, or ask the server",
        key=f"{page}_endpoint_model",
        persist_state="session",
    )
    api = st.segmented_control(
        "Interface",
        list(EndpointApi),
        default=EndpointApi.COMPLETIONS,
        required=True,
        format_func=lambda api: api.value,
        key=f"{page}_endpoint_api",
        persist_state="session",
        help="Choose completions if the server offers them: the model continues the prompt as it is. Chat wraps it in "
        "a conversation.",
    )
    lm = LMSpec(LMKind.OPENAI, name or "(none yet)", base_url=url, api=EndpointApi(api))
    what = "Ask what it can do" if name else "List its models"
    if st.button(what, key=f"{page}_endpoint_ask", icon=":material/dns:", help="Sends two or three short requests"):
        with showing_errors(), st.spinner("Asking the server", show_time=True):
            _ask_server(page, lm, key, has_name=bool(name))
            st.rerun()
    if not name:
        return None, key
    abilities = _abilities(page, lm)
    return (_show_abilities(page, lm, abilities) if abilities else lm), key


def _ask_server(page: str, lm: LMSpec, key: str | None, *, has_name: bool) -> None:
    """Find out which models there are and, once one has a name, what it can do."""
    endpoint, asked = lms.load_endpoint(lm, key), _asked(page)
    if not has_name:
        asked.models = tuple(endpoint.list_models())
        return
    found = endpoint.probe()
    asked.models, asked.lm, asked.abilities = found.models, lm, found


def _abilities(page: str, lm: LMSpec) -> EndpointAbilities | None:
    """What this very model at this address was found to do, if it was asked."""
    asked = _asked(page)
    known = asked.lm
    is_same = known and (known.name, known.base_url, known.api) == (lm.name, lm.base_url, lm.api)
    return asked.abilities if is_same else None


def _show_abilities(page: str, lm: LMSpec, abilities: EndpointAbilities) -> LMSpec:
    """What was found, one line each, and the switch for structured output where the server offers it."""
    if abilities.has_logprobs:
        st.caption(f":material/check_circle: {escape_markdown(lm.name)} gives label scores; every strategy works")
    else:
        st.caption(f":material/info: {escape_markdown(lm.name)} gives no label scores, which the strategy mix needs")
    for note in abilities.notes:
        st.caption(f":material/info: {escape_markdown(note)}")
    if not abilities.has_structured_output:
        return lm
    is_structured = st.toggle(
        "Structured output",
        value=True,
        key=f"{page}_structured",
        persist_state="session",
        help="Leave it on to get fewer rejects with the strategy free: the server forces each answer into a JSON "
        "object with a text and one of the labels.",
    )
    return LMSpec(lm.kind, lm.name, base_url=lm.base_url, api=lm.api, is_structured=is_structured)


def lacks_scores(page: str, lm: LMSpec | None, strategy: str) -> bool:
    """Whether the endpoint is known to give no label scores, and the strategy needs them."""
    abilities = _abilities(page, lm) if lm is not None and lm.kind is LMKind.OPENAI else None
    return abilities is not None and STRATEGIES[strategy].needs_scores and not abilities.has_logprobs


def key_for(page: str, lm: LMSpec) -> str | None:
    """The key for a run's endpoint. A typed key is used only for the address it was typed for."""
    if lm.kind is not LMKind.OPENAI:
        return None
    typed = st.session_state.get(f"{page}_endpoint_key")
    is_same = st.session_state.get(f"{page}_endpoint_url") == lm.base_url
    return typed if typed and is_same else find_key()


def find_key() -> str | None:
    """OPENAI_API_KEY from the environment, or from secrets.toml where there is one."""
    if os.environ.get("OPENAI_API_KEY"):
        return os.environ["OPENAI_API_KEY"]
    try:
        found = st.secrets.get("OPENAI_API_KEY")
    except FileNotFoundError:  # no secrets.toml
        return None
    return str(found) if found else None
