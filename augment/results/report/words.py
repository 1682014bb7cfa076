"""The report's explanations: how its figures were measured, which texts each variant has, what each term means."""

from collections import Counter
from collections.abc import Mapping

from augment.records import ClassifierKind, Experiment, ExperimentVariant, SeedSet, TextUse
from augment.results.recommended import Recommended
from augment.results.variants import VariantNames
from augment.wording import percent, plural

USES = {
    TextUse.RAW: "every text, with the label that the language model proposed",
    TextUse.ACCEPTED: "texts whose proposed label people accepted",
    TextUse.REVIEWED: "only texts that people accepted, each with its label after review",
    TextUse.RELABELLED: "all texts except rejected ones, each with its label after review",
    TextUse.SOFT: "every text, with the language model's label probabilities as its label",
    TextUse.CONSENSUS: (
        "all texts except rejected ones; what people decided stands, any other text gets the consensus of its label "
        "sources (a classifier trained on the seeds, label sentences and decisions; the label it was written with; the "
        "language model's scores; other language models and files that were asked), as a soft label, and its "
        "confidence as its weight"
    ),
    TextUse.REAL: "real texts that are not seeds: what the same number of real labelled texts would gain",
}

GLOSSARY = {
    "Synthetic text": "A labelled text written by a language model that was shown a few real ones as examples.",
    "Seeds": "The few real labelled texts shown to the language model. Every classifier is trained on them.",
    "Variant": "One way to choose the added texts: which language model, raw or corrected by people, filtered or not.",
    "Baseline": "The same classifier trained on the seeds only. A variant is judged by its difference from it.",
    "Accuracy": "The share of test texts that get the right label. It can be high just because one label is common.",
    "Macro-F1": (
        "F1 combines precision and recall for one label; macro-F1 is its mean over labels, so a rare label counts as "
        "much as a common one. From 0 to 1, higher is better; one point is 0.01."
    ),
    "Precision and recall": (
        "Precision: of the texts predicted to have a label, the share that has it. Recall: of the texts that have it, "
        "the share that is found."
    ),
    "RNG seed": "The number that fixes all random choices of a training run. Several of them show how much is chance.",
    "95% interval": "A range that contains the true mean in 95 of 100 such experiments. With few runs it is wide.",
    "p": (
        "How often chance alone would produce a difference at least this large. Below 0.05 is usually called "
        "significant. Adjusted: corrected for the number of comparisons."
    ),
}


def explain_measuring(
    experiment: Experiment,
    seed_set: SeedSet,
    test_counts: Mapping[str, int],
    names: VariantNames,
    recommended: Recommended | None = None,
) -> list[str]:
    """How the figures were measured, a sentence or two per fact; `test_counts` are test texts per label."""
    config, n_test = experiment.config, sum(test_counts.values())
    labels = config.recipe.labels
    seed_counts = Counter(example.label for example in seed_set.examples)
    drawn = "chosen by hand" if seed_set.rng_seed is None else f"drawn with RNG seed {seed_set.rng_seed}"
    n_real = sum(example.split.is_real for example in seed_set.examples)
    n_written = len(seed_set.examples) - n_real
    seeds = f"{plural(n_real, 'real text')}, {drawn}"
    if n_written:
        seeds = f"{plural(n_real, 'real text')} and {plural(n_written, 'synthetic text')} added by hand"
    return [
        f"Seeds: {seeds} "
        f"({', '.join(f'{label} {seed_counts[label]}' for label in labels)}). Every classifier is trained on them.",
        f"Test: {plural(n_test, 'real text')} "
        f"({', '.join(f'{label} {test_counts.get(label, 0)}' for label in labels)}). They "
        "were used for measuring only: not for training, filters or early stopping. Where this report shows the best "
        "variant, these figures chose it; the adjusted p accounts for that.",
        *_describe_choice(recommended),
        *_describe_classifiers(experiment),
        f"Repeats: every point is trained with {plural(len(config.rng_seeds), 'RNG seed')} "
        f"({', '.join(map(str, config.rng_seeds))}). An RNG seed decides which of a variant's texts are drawn, "
        "their order and the initial weights. A variant is compared with the baseline at the same RNG seeds.",
        f"Sizes: {', '.join(map(str, config.sizes)) or 'no'} added texts. For one RNG seed, a larger size contains all "
        "texts of the smaller ones. A variant with fewer texts is trained on all of them instead.",
        "Bands of the curves and intervals of single points cover the chance in training and in drawing texts, "
        "but not in which texts are in the test split: with another test split, all figures would be somewhat "
        "different. Intervals of differences cover it where the runs stored their predictions.",
        *(f"{names[variant.variant]}: {_describe_variant(variant)}" for variant in experiment.variants),
    ]


def _describe_choice(recommended: Recommended | None) -> list[str]:
    """How the recommended variant was chosen."""
    if recommended is None:
        return []
    return [
        f"Recommendation: chosen on {recommended.choice.texts}, each variant at its "
        "largest size. A simpler variant is preferred unless another is better by more than one standard error."
    ]


def _describe_classifiers(experiment: Experiment) -> list[str]:
    """What is trained and for how long, a sentence per kind."""
    recipe = experiment.config.recipe
    kinds = {*experiment.config.baselines, *(variant.kind for variant in experiment.config.variants)}
    facts = []
    if kinds & {ClassifierKind.FINE_TUNED, ClassifierKind.CONTRASTIVE}:
        facts.append(
            f"Classifier: {recipe.encoder.name}, fine-tuned with its embeddings and the first {recipe.frozen_layers} "
            f"layers frozen; AdamW, learning rate {recipe.learning_rate:g} decreasing to 0, weight decay "
            f"{recipe.weight_decay:g}, batch size {recipe.batch_size}, at most {recipe.max_tokens} tokens per text."
        )
        facts.append(
            f"Length: every run takes {plural(recipe.steps, 'optimiser step')}, whatever its number of texts, so "
            "larger sizes are not trained longer."
            if recipe.epochs is None
            else f"Length: every run is trained for {plural(recipe.epochs, 'epoch')}, so larger sizes are also trained "
            "longer."
        )
        if recipe.patience is not None:
            facts.append(
                f"Early stopping: a run ends after {recipe.patience} evaluations (one every {recipe.eval_every} steps) "
                "without a better macro-F1 on the validation texts; its best step there counts."
            )
    if ClassifierKind.CONTRASTIVE in kinds:
        facts.append(
            f"Contrastive: the same layers are trained on {recipe.batch_size} pairs of texts per step, to bring texts "
            "of one label together and move those of different labels apart; then a logistic regression on the "
            "embeddings predicts the label (SetFit, arXiv 2209.11055)."
        )
    if ClassifierKind.PROBE in kinds:
        facts.append(
            f"Linear probe: a logistic regression (C {recipe.inverse_regularisation:g}) on the embeddings of "
            f"{recipe.encoder.name}; its variants are compared with a probe trained on the seeds only."
        )
    if recipe.synthetic_weight != 1:
        facts.append(f"In training, a synthetic text has {recipe.synthetic_weight:g} times the weight of a real one.")
    return facts


def _describe_variant(stored: ExperimentVariant) -> str:
    """Which texts the variant has and what its filter does."""
    text_filter = stored.variant.filter
    rules = []
    if text_filter.agrees:
        rules.append("drops texts for which a classifier trained on the seeds predicts another label")
    if text_filter.keep_share < 1:
        rules.append(f"keeps, per label, the {percent(text_filter.keep_share)} for which it is most certain")
    use = f"{USES[stored.variant.use]}. " if stored.variant.use else ""
    sentences = [f"{use}{plural(stored.n_texts, 'text')}."] if stored.variant.has_texts else []
    if stored.variant.has_sentences:
        sentences.append("Label sentences join the seeds, as many of each label as it has seeds.")
    if rules:
        n_dropped = "" if stored.n_dropped is None else f": {stored.n_dropped:,} left out"  # None until it has run
        sentences.append(f"Its filter {' and '.join(rules)}{n_dropped}.")
    if text_filter.is_balanced:
        sentences.append("Labels are drawn in turn, so that each has the same number of texts.")
    return " ".join(sentences)
