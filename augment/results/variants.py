"""What variants, training runs and recipes are called on charts, in tables and in reports. Pure.

Names are written here, last, for people to read; nothing reads one back. What all variants of a comparison share is
said once (`VariantNames.shared`) instead of in every name, and no two variants of a comparison have the same name.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from augment.records import ClassifierKind, Experiment, TextFilter, TextUse, TrainingRun, Variant, Writer
from augment.wording import plural

SEEDS_ONLY = "seeds only"
SENTENCES = "label sentences"
REAL_TEXTS = "real texts"
TEST_SPLIT = "test split"  # what the test texts are called beside variants
ENDINGS = ("", *(f" · {kind}" for kind in ClassifierKind))
TAKEN = {TEST_SPLIT, *(first + ending for first in (SEEDS_ONLY, SENTENCES, REAL_TEXTS) for ending in ENDINGS)}


@dataclass(frozen=True, slots=True)
class VariantNames:
    """The names of the variants that are compared, by variant, and what they share: 'GPT-J · mix · linear probe'.

    `sources` name each variant without the labels that it uses: where all have the same texts, what is trained on them
    or, if that is the same too, what they share.
    """

    names: Mapping[Variant, str]
    sources: Mapping[Variant, str]
    shared: str

    def __getitem__(self, variant: Variant) -> str:
        """The variant's name: 'relabelled', 'GPT-J · raw · agreed', 'seeds only · linear probe'."""
        return self.names[variant]


def name_variants(variants: Iterable[Variant], writers: Mapping[int, Writer]) -> VariantNames:
    """Names for variants that are compared, and for their baselines. `writers` says who wrote each generation run.

    Names include the numbers of the generation runs where different runs have the same writers, or where a source
    would otherwise get the name of another source, a baseline or the ceiling.
    """
    given = list(dict.fromkeys([*variants]))
    given += [baseline for baseline in dict.fromkeys(variant.baseline for variant in given) if baseline not in given]
    naming = _Naming.of(given, writers)
    shared = naming.name_shared(given)
    rest = shared if naming.has_one_kind else ClassifierKind.FINE_TUNED.value
    numbered = naming.find_same_writers(given)
    while True:
        names = {variant: naming.name(variant, is_numbered=variant.generation_run_ids in numbered) for variant in given}
        sources = {
            variant: naming.name_source(variant, is_numbered=variant.generation_run_ids in numbered) or rest
            for variant in given
        }
        n_runs = Counter(source for source, _ in {(sources[variant], variant.generation_run_ids) for variant in given})
        alike = {
            variant.generation_run_ids for variant in given if n_runs[sources[variant]] > 1 or sources[variant] in TAKEN
        }
        if alike <= numbered:
            return VariantNames(names, sources, shared)
        numbered |= alike


@dataclass(frozen=True, slots=True)
class _Naming:
    """How the variants of one comparison are named: which parts they share, so that these are left out of each name."""

    writers: Mapping[int, Writer]
    has_one_source: bool
    has_one_lm: bool
    has_one_strategy: bool
    has_one_use: bool
    has_one_kind: bool

    @classmethod
    def of(cls, variants: Sequence[Variant], writers: Mapping[int, Writer]) -> "_Naming":
        synthetic = [variant for variant in variants if variant.is_synthetic]
        sources = {variant.generation_run_ids for variant in synthetic}
        found = {writers[run_id] for run_ids in sources for run_id in run_ids}
        has_several, has_strategies = len(found) > 1, all(writer.strategy for writer in found)
        return cls(
            writers,
            has_one_source=len(sources) == 1,
            has_one_lm=has_several and has_strategies and len({writer.lm_name for writer in found}) == 1,
            has_one_strategy=has_several and has_strategies and len({writer.strategy for writer in found}) == 1,
            has_one_use=len(sources) > 1 and len({variant.use for variant in synthetic}) == 1,
            has_one_kind=len({variant.kind for variant in variants}) == 1,
        )

    def name_shared(self, variants: Sequence[Variant]) -> str:
        """What all variants share, and their names leave out."""
        kinds = {variant.kind for variant in variants} - {ClassifierKind.FINE_TUNED}
        kind = [classifier_kind.value for classifier_kind in kinds if self.has_one_kind]
        synthetic = next((variant for variant in variants if variant.is_synthetic), None)
        if synthetic is None:
            return " · ".join(kind)
        writer = self.writers[synthetic.generation_run_ids[0]]
        parts = [writer.lm_name] if self.has_one_lm else []
        parts += [writer.strategy] if self.has_one_strategy else []
        parts += [self._join_writers(synthetic.generation_run_ids)] if self.has_one_source else []
        parts += [synthetic.use.value] if synthetic.use and self.has_one_use else []
        return " · ".join([*parts, *kind])

    def find_same_writers(self, variants: Sequence[Variant]) -> set[tuple[int, ...]]:
        """The generation runs whose writers also wrote others that are compared."""
        run_ids = {variant.generation_run_ids for variant in variants if variant.is_synthetic}
        named = {ids: self._join_writers(ids) for ids in run_ids}
        n_runs = Counter(named.values())
        return {ids for ids, name in named.items() if n_runs[name] > 1}

    def name(self, variant: Variant, *, is_numbered: bool) -> str:
        """The variant's name. With numbers it also says which generation runs its texts are from."""
        if not variant.is_synthetic:
            first = [REAL_TEXTS if variant.is_ceiling else SENTENCES if variant.has_sentences else SEEDS_ONLY]
        else:
            first = self._name_source(variant, is_numbered=is_numbered)
            first += [variant.use.value] if variant.use and not self.has_one_use else []
        return " · ".join([*first, *self._name_rest(variant)])

    def name_source(self, variant: Variant, *, is_numbered: bool) -> str:
        """The same without the labels it uses and its experiment; where nothing is left of it, ''."""
        if not variant.is_synthetic:
            return self.name(variant, is_numbered=is_numbered)
        without = replace(variant, experiment_id=None)
        parts = [*self._name_source(variant, is_numbered=is_numbered), *self._name_rest(without)]
        return " · ".join(parts)

    def _name_source(self, variant: Variant, *, is_numbered: bool) -> list[str]:
        if self.has_one_source:
            return []
        name, ids = self._join_writers(variant.generation_run_ids), variant.generation_run_ids
        runs = f" ({'run' if len(ids) == 1 else 'runs'} {', '.join(map(str, ids))})" if is_numbered else ""
        return [name + runs]

    def _name_rest(self, variant: Variant) -> list[str]:
        parts = name_filter(variant.filter)
        if variant.has_texts and variant.has_sentences is not (variant.use is TextUse.CONSENSUS):
            parts.insert(0, "with label sentences" if variant.has_sentences else "without label sentences")
        if not self.has_one_kind and variant.kind is not ClassifierKind.FINE_TUNED:
            parts.append(variant.kind.value)
        return parts + ([f"experiment {variant.experiment_id}"] if variant.experiment_id is not None else [])

    def _join_writers(self, run_ids: Sequence[int]) -> str:
        """'GPT-J · mix + templates' for the runs of both; each writer once, without what all share."""
        found = {self.writers[run_id] for run_id in run_ids}
        if self.has_one_lm:
            return " + ".join(sorted(writer.strategy for writer in found))
        return " + ".join(sorted({writer.lm_name if self.has_one_strategy else writer.name for writer in found}))


def name_filter(text_filter: TextFilter) -> list[str]:
    """The parts of a name that a filter gives: 'agreed', 'surest 50%', 'balanced'."""
    parts = ["agreed"] if text_filter.agrees else []
    if text_filter.keep_share < 1:
        parts.append(f"surest {100 * text_filter.keep_share:g}%")
    return [*parts, "balanced"] if text_filter.is_balanced else parts


def name_recipe(experiment: Experiment) -> str:
    """What must be equal for experiments to be compared, in words; variants, sizes and RNG seeds may differ."""
    config = experiment.config.recipe
    length = plural(config.epochs, "epoch") if config.epochs else plural(config.steps, "step")
    parts = [config.encoder.name, length, f"lr {config.learning_rate:g}", f"batch {config.batch_size}"]
    parts.append(plural(config.frozen_layers, "frozen layer"))
    if config.patience:
        parts.append(f"early stopping after {config.patience}")
    if config.synthetic_weight != 1:
        parts.append(f"synthetic weight {config.synthetic_weight:g}")
    if config.inverse_regularisation != 1:
        parts.append(f"probe C {config.inverse_regularisation:g}")
    return " · ".join([*parts, f"seed set {experiment.config.seed_set_id}"])


def name_run(run: TrainingRun, names: VariantNames) -> str:
    """'12 · GPT-J · raw · 50 texts · RNG seed 3'."""
    texts = f" · {plural(run.n_synthetic, 'text')}" if run.n_synthetic else ""
    return f"{run.id} · {names[run.variant]}{texts} · RNG seed {run.config.rng_seed}"
