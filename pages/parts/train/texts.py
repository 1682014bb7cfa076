"""Which texts an experiment adds to the seeds: whose, with which labels, filtered how. Widgets → variants."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import streamlit as st

from augment.records import GenerationRun, SeedSet, Task, TextFilter, TextUse, Variant
from pages.parts.formats import escape_markdown
from pages.parts.session import workbench

USES = {
    TextUse.RAW: "raw",
    TextUse.ACCEPTED: "accepted only",
    TextUse.REVIEWED: "reviewed only",
    TextUse.RELABELLED: "relabelled",
    TextUse.SOFT: "soft labels",
    TextUse.CONSENSUS: "consensus",
}
FILTERS = {
    "no filter": TextFilter(),
    "agreed": TextFilter(agrees=True),
    "surest half": TextFilter(keep_share=0.5),
    "balanced": TextFilter(is_balanced=True),
    "agreed, balanced": TextFilter(agrees=True, is_balanced=True),
}


def choose_texts(task: Task, seed_set: SeedSet) -> list[Variant]:
    """One variant per source, labels and filter, without those that find no text. The classifier is set later."""
    groups = _choose_sources(task)
    is_reviewed = workbench().store.generations.is_changed([run.id for group in groups for run in group])
    n_real = count_texts(seed_set, Variant(TextUse.REAL))
    has_real = st.checkbox(
        f"Real texts as the ceiling · {n_real:,}",
        value=n_real > 0,
        disabled=n_real < 1,
        key=f"train_{task.id}_real",
        help="Leave it on to see how much perfect synthetic texts could gain: it adds as many real texts from the "
        "pool, with their real labels.",
    )
    uses = _choose_uses(task, is_reviewed=is_reviewed)
    filters = st.pills(
        "Filters",
        list(FILTERS),
        selection_mode="multi",
        default=list(FILTERS)[:1],
        key="train_filters",
        help="Choose **agreed** if many labels look wrong: it keeps the texts to which a classifier trained on the "
        "seeds gives the same label. **Surest half** keeps, per label, the half that this classifier is most certain "
        "of. **Balanced** takes equally many of each label. No filter uses validation or test texts.",
    )
    variants = [
        Variant(use, tuple(sorted(run.id for run in group)), FILTERS[name])
        for group, use, name in product(groups, uses, filters)
    ]
    found = [variant for variant in variants if count_texts(seed_set, variant)]
    _say_waiting(found, seed_set, is_reviewed=is_reviewed)
    if len(found) < len(variants):
        missing = dict.fromkeys(USES[variant.use] for variant in variants if variant.use and variant not in found)
        st.caption(f"Left out because there are no such texts: {', '.join(missing)}.")
    return [*found, Variant(TextUse.REAL)] if has_real and n_real > 0 else found


def count_texts(seed_set: SeedSet, variant: Variant) -> int:
    """How many texts a variant finds now, before a filter that needs a classifier."""
    return workbench().store.experiments.count_texts(variant, seed_set.id)


def _choose_sources(task: Task) -> list[list[GenerationRun]]:
    """The generation runs of each chosen source, and, if wanted, of all of them together."""
    sources = _group_runs([run for run in workbench().store.generations.all(task.id) if run.n_texts])
    if not sources:
        st.caption("No synthetic texts yet: generate or import some. Until then only real texts can be added.")
    chosen = st.pills(
        "Texts by",
        list(sources),
        selection_mode="multi",
        default=list(sources)[:1],
        format_func=lambda name: escape_markdown(f"{name} · {sum(run.n_texts for run in sources[name]):,}"),
        key=f"train_{task.id}_writers_{len(sources)}",
        help="Choose several to compare them: each is trained as its own variant. Generation runs with the same "
        "language model and strategy count as one.",
    )
    groups = [sources[name] for name in chosen]
    if len(groups) > 1 and st.checkbox(
        "Also all of them together, as one variant",
        key="train_together",
        help="For example, label-word templates together with a language model's texts: each size is drawn from both.",
        persist_state="session",
    ):
        groups.append([run for group in groups for run in group])
    return groups


def _group_runs(runs: Sequence[GenerationRun]) -> dict[str, list[GenerationRun]]:
    """Runs of one language model and strategy together, an import by itself, by a name that no two of them share."""
    groups: dict[object, list[GenerationRun]] = {}
    for run in runs:
        key = (run.config.lm, run.config.strategy) if run.config else run.id
        groups.setdefault(key, []).append(run)
    n_named = Counter(group[0].writer.name for group in groups.values())
    named: dict[str, list[GenerationRun]] = {}
    for group in groups.values():
        name, ids = group[0].writer.name, ", ".join(str(run.id) for run in reversed(group))
        named[name if n_named[name] == 1 else f"{name} ({'run' if len(group) == 1 else 'runs'} {ids})"] = group
    return named


def _choose_uses(task: Task, *, is_reviewed: bool) -> list[TextUse]:
    return st.pills(
        "Labels",
        list(USES),
        selection_mode="multi",
        default=[TextUse.RAW, TextUse.RELABELLED] if is_reviewed else [TextUse.RAW],
        format_func=USES.__getitem__,
        key=f"train_{task.id}_uses_{is_reviewed}",
        help="**Raw**: every text with the label the language model proposed. **Relabelled**: all texts except "
        "rejected ones, with their labels after review; choose it together with raw to see what review gained. "
        "**Reviewed only**: the same, without texts that nobody has reviewed. **Accepted only**: texts whose "
        "proposed label people accepted. **Soft labels**: the language model's label probabilities, where it gave any. "
        "**Consensus**: what people decided stands; any other text gets what all label sources say together, as "
        "probabilities. Choose it if few texts are reviewed.",
    )


def _say_waiting(variants: Sequence[Variant], seed_set: SeedSet, *, is_reviewed: bool) -> None:
    """Where relabelled variants hold texts that nobody has reviewed, say so, and what leaves them out."""
    relabelled = [
        variant for variant in variants if variant.use is TextUse.RELABELLED and variant.filter == TextFilter()
    ]
    n_all = sum(count_texts(seed_set, variant) for variant in relabelled)
    n_reviewed = sum(count_texts(seed_set, replace(variant, use=TextUse.REVIEWED)) for variant in relabelled)
    if n_all and not is_reviewed:
        st.caption("Nobody has reviewed these texts yet, so **relabelled** is the same as **raw**.")
    elif 0 < n_reviewed < n_all:
        st.caption(
            f"Not reviewed yet: {n_all - n_reviewed:,} of the {n_all:,} relabelled texts, which keep the label that "
            "the language model proposed. Choose **reviewed only** to leave them out."
        )
