"""What the report says in words: how its figures were measured, what texts each variant has, what each term means."""

from collections import Counter
from collections.abc import Mapping

from augment.records import ClassifierKind, Experiment, ExperimentVariant, SeedSet, TextUse
from augment.results.variants import VariantNames
from augment.wording import percent, plural

USES = {
    TextUse.RAW: "every text, with the label that the language model proposed",
    TextUse.ACCEPTED: "only texts that people accepted as they were proposed",
    TextUse.REVIEWED: "all texts that people accepted, each with its label after review, and none that still waits",
    TextUse.RELABELLED: "all texts but those that people rejected, each with its label after review",
    TextUse.SOFT: "every text with label probabilities, and these as its label",
    TextUse.REAL: "real texts that are not among the seeds: what better data of the same amount would bring",
}

GLOSSARY = {
    "Synthetic text": "A text that a language model wrote after the example of a few real ones, with a label.",
    "Seeds": "The few real labelled texts that the language model saw, and that every classifier is trained on.",
    "Variant": "One way to choose the added texts: which language model, raw or corrected by people, filtered or not.",
    "Baseline": "The same classifier trained on the seeds only. A variant is judged by its distance from that.",
    "Accuracy": "The share of test texts that get the right label. High for a lazy answer where one label is common.",
    "Macro-F1": (
        "How well each label is found, without missing it or seeing it everywhere, averaged over labels so that rare "
        "ones count as much as common ones. From 0 to 1, higher is better; one point is 0.01."
    ),
    "Precision and recall": "Of the texts given a label the share that has it; of those that have it the share found.",
    "RNG seed": "The number that fixes all random choices of a training run. Other seeds show how much is luck.",
    "95% interval": "A range that holds the true mean in 95 of 100 such experiments. Wide means: few runs, much luck.",
    "p": (
        "How often a difference at least this large would come up by luck alone, if there were none. Below 0.05 is "
        "commonly taken as more than luck. Adjusted: allows for several comparisons, of which one may be lucky."
    ),
}


def explain_measuring(
    experiment: Experiment, seed_set: SeedSet, test_counts: Mapping[str, int], names: VariantNames
) -> list[str]:
    """How the figures came about, a sentence or two per fact; `test_counts` are test texts per label."""
    config, n_test = experiment.config, sum(test_counts.values())
    labels = config.recipe.labels
    seed_counts = Counter(one.label for one in seed_set.examples)
    drawn = "chosen by hand" if seed_set.rng_seed is None else f"drawn with RNG seed {seed_set.rng_seed}"
    n_real = sum(one.split.is_real for one in seed_set.examples)
    n_written = len(seed_set.examples) - n_real
    seeds = plural(n_real, "real text") + (f" and {plural(n_written, 'synthetic text')}" if n_written else "")
    return [
        f"Seeds: {seeds}, {drawn} "
        f"({', '.join(f'{label} {seed_counts[label]}' for label in labels)}). Every classifier learns them.",
        f"Test: {plural(n_test, 'real text')} "
        f"({', '.join(f'{label} {test_counts.get(label, 0)}' for label in labels)}). They "
        "were used for no choice: not for training, not by a filter, not to stop a training. The best variant is named "
        "after its figures are seen; the adjusted p allows for that.",
        *_describe_classifiers(experiment),
        f"Repeats: every point is trained with {plural(len(config.rng_seeds), 'RNG seed')} "
        f"({', '.join(map(str, config.rng_seeds))}). A seed decides which of a variant's texts are drawn, their "
        "order and how the classifier starts; a variant is compared with the baseline seed by seed (paired t-test).",
        f"Sizes: {', '.join(map(str, config.sizes)) or 'no'} added texts. With one RNG seed a larger size holds all "
        "texts of every smaller one. A variant with fewer texts is trained on all of them instead.",
        "Intervals and p tell the luck of training and of which texts were drawn (where a variant has more than were "
        "drawn), not that of which texts are in the test split: another one would move all figures somewhat.",
        *(f"{names[one.variant]}: {_describe_variant(one)}" for one in experiment.variants),
    ]


def _describe_classifiers(experiment: Experiment) -> list[str]:
    """What is trained and for how long, a sentence per kind."""
    recipe = experiment.config.recipe
    kinds = {*experiment.config.baselines, *(variant.kind for variant in experiment.config.variants)}
    facts = []
    if kinds & {ClassifierKind.FINE_TUNED, ClassifierKind.CONTRASTIVE}:
        facts.append(
            f"Classifier: {recipe.encoder.name}, fine-tuned with its embeddings and the first {recipe.frozen_layers} "
            f"layers frozen; AdamW, learning rate {recipe.learning_rate:g} falling to 0, weight decay "
            f"{recipe.weight_decay:g}, {recipe.batch_size} texts a batch, at most {recipe.max_tokens} tokens a text."
        )
        facts.append(
            f"Length: every run takes {recipe.steps} optimiser steps, however many texts it has, so that a larger size "
            "is not also a longer training."
            if recipe.epochs is None
            else f"Length: every run goes {recipe.epochs} times through its texts, so a larger size also trains longer."
        )
        if recipe.patience is not None:
            facts.append(
                f"A run stops after {recipe.patience} evaluations (one every {recipe.eval_every} steps) without a "
                "better macro-F1 on validation texts, which are no test texts; its best step there counts."
            )
    if ClassifierKind.CONTRASTIVE in kinds:
        facts.append(
            f"Contrastive: the same layers learn by {recipe.batch_size} pairs of texts a step, those of one label "
            "drawn together and those of two apart, then a logistic regression on their embeddings tells the labels "
            "(SetFit, arXiv 2209.11055)."
        )
    if ClassifierKind.PROBE in kinds:
        facts.append(
            f"Linear probe: a logistic regression (C {recipe.inverse_regularisation:g}) on the embeddings of "
            f"{recipe.encoder.name}; its variants are compared with a probe trained on the seeds only."
        )
    if recipe.synthetic_weight != 1:
        facts.append(f"A synthetic text weighs {recipe.synthetic_weight:g} of a real one in training.")
    return facts


def _describe_variant(stored: ExperimentVariant) -> str:
    """Which texts the variant has and what its filter does."""
    text_filter = stored.variant.filter
    rules = []
    if text_filter.agrees:
        rules.append("drops texts to which a classifier trained on the seeds gives another label")
    if text_filter.keep_share < 1:
        rules.append(f"keeps of each label the {percent(text_filter.keep_share)} that it is surest of")
    use = f"{USES[stored.variant.use]}. " if stored.variant.use else ""
    sentences = [f"{use}{plural(stored.n_texts, 'text')}."]
    if rules:
        sentences.append(f"Its filter {' and '.join(rules)}: {stored.n_dropped} left out.")
    if text_filter.is_balanced:
        sentences.append("Labels are taken in turn, so that each has as many texts.")
    return " ".join(sentences)
