"""A whole experiment as one HTML file that explains itself: read offline, printed or sent, by who never saw the app.

Pure: a `ReportData` comes in, a string goes out; the same data give the same string. Knows no store and no page.
Nothing is fetched when the file is opened: Plotly's script is in it, and a Content-Security-Policy forbids the network.
Only the builders at the end write HTML, and they escape whatever they are given.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from pathlib import Path
from string import Template

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from augment.charts import label_shares
from augment.comparison import (
    METRICS,
    Difference,
    aggregate_runs,
    baseline_of,
    class_figures,
    compare_at_largest,
    compare_with_baseline,
    confusion,
    describe_arms,
    format_metric,
    headline,
    review_gains,
    wrong_texts,
)
from augment.metrics import Interval
from augment.records import (
    Arm,
    ArmText,
    ClassifierKind,
    Experiment,
    RunStatus,
    SeedSet,
    StoredPrediction,
    Task,
    TextUse,
    TrainingRun,
)
from augment.result_charts import arm_styles, confusion_chart, learning_curve, review_chart

METRIC = "macro_f1"  # what the report's claims are about
N_WRONG_TEXTS = 12
THEMED = "#808a95"  # text in this colour follows the page's theme (report.css); it reads on light and dark without


@dataclass(frozen=True, slots=True)
class ReportData:
    """Everything that the report tells. `runs` are all of the experiment's, whatever their status.

    `predictions` are those of the points worth looking at, by title: the best arm first, then the baseline.
    `label_counts` are texts a label, by arm name and for the test split; `samples` are a few texts an arm, as trained
    on; `test_counts` are test texts a label.
    """

    task: Task
    experiment: Experiment
    seed_set: SeedSet
    runs: Sequence[TrainingRun]
    predictions: Mapping[str, Sequence[StoredPrediction]]
    label_counts: Mapping[str, Mapping[str, int]]
    samples: Mapping[str, Sequence[ArmText]]
    test_counts: Mapping[str, int]
    created_at: datetime

    @property
    def finished(self) -> list[TrainingRun]:
        """The runs that count: a run that is under way or failed may have figures, but not its final ones."""
        return [run for run in self.runs if run.state.status is RunStatus.DONE and run.last is not None]


def build_report(data: ReportData) -> str:
    """The experiment's report, complete with styles and script; about 5 MB, nearly all of it Plotly's."""
    sections = (
        _summarise,
        _show_curves,
        _show_certainty,
        _show_review,
        _show_labels_found,
        _show_label_shares,
        _show_wrong_texts,
        _show_samples,
        _explain_measuring,
        _explain_words,
        _list_everything,
    )
    return PAGE.substitute(
        title=escape(f"{data.task.name} · what the texts bought"),
        style=Path(__file__).with_suffix(".css").read_text(encoding="utf-8"),
        plotly=get_plotlyjs(),
        body="\n".join(section(data) for section in sections),
    )


# Figures --------------------------------------------------------------------------------------------------------------


def _summarise(data: ReportData) -> str:
    """The task, the answer, where it comes from, and what stands in its way."""
    answer = headline(data.finished, METRIC) if data.finished else "No training run has finished yet"
    created, n_failed = data.created_at, len(_failed(data.runs))
    facts = [
        f"{created.day} {created:%B %Y, %H:%M} UTC",
        f"data: {data.task.source}",
        f"experiment {data.experiment.id}" + (f" ({data.experiment.name})" if data.experiment.name else ""),
        _count(len(data.runs), "training run") + (f", {n_failed} of them failed (appendix)" if n_failed else ""),
    ]
    title = f"{data.task.name} · {data.task.label_type} of a {data.task.text_type}: {', '.join(data.task.labels)}"
    missing = _find_missing(data)
    box = (
        [_element("div", "missing", [_paragraph("What to know before reading on:"), _list(missing)])] if missing else []
    )
    return _element(
        "header", "", [_heading(1, title), _paragraph(answer, "headline"), _paragraph(" · ".join(facts), "facts"), *box]
    )


def _find_missing(data: ReportData) -> list[str]:
    """What the experiment lacks, a sentence each."""
    missing = []
    ended = (RunStatus.DONE, RunStatus.FAILED)
    waiting = Counter(run.state.status.value for run in data.runs if run.state.status not in ended)
    if waiting:
        states = ", ".join(f"{n} {status}" for status, n in sorted(waiting.items()))
        missing.append(f"Not every training run is done ({states}). Only finished runs count here; figures may change.")
    if not data.finished:
        return [*missing, "There are no figures yet: they come with the first finished training run."]
    if all(run.arm_id is not None for run in data.finished):
        missing.append("No finished run was trained on the seeds only, so nothing says what the added texts bought.")
    if all(run.arm_id is None for run in data.finished):
        missing.append("No run with added texts has finished: there is only the baseline.")
    if any(point.interval.n < 2 for point in aggregate_runs(data.finished, METRIC)):
        missing.append("Points of one RNG seed have no interval and no p: how much of them is chance cannot be said.")
    return missing


def _show_curves(data: ReportData) -> str:
    if not data.finished:
        return ""
    styles = arm_styles([*(arm.name for arm in data.experiment.arms), *(run.arm for run in data.finished)])
    n_test = sum(data.test_counts.values())
    majority = max(data.test_counts.values()) / n_test if n_test else None
    points = {metric: aggregate_runs(data.finished, metric) for metric in METRICS}
    how = f"Mean over RNG seeds on {_count(n_test, 'real test text')}; bands are 95 % intervals."
    commonest = "" if majority is None else " The dotted line is what always answering the commonest label would reach."
    return _section(
        "What the texts bought",
        _chart("macro-f1", learning_curve(points["macro_f1"], "macro_f1", styles), f"Macro-F1. {how}", is_wide=True),
        _chart(
            "accuracy",
            learning_curve(points["accuracy"], "accuracy", styles, majority=majority),
            f"Accuracy of the same runs.{commonest}",
            is_wide=True,
        ),
    )


def _show_certainty(data: ReportData) -> str:
    compared = compare_at_largest(compare_with_baseline(data.finished, METRIC))
    differences = sorted(compared, key=lambda one: one.interval.mean, reverse=True)
    if not differences:
        reason = "There is nothing to compare: it takes finished runs with added texts and on the seeds only."
        return _section("How sure is this?", _paragraph(reason))
    note = (
        "Each arm at its largest size against its baseline, RNG seed by RNG seed; p is adjusted for all of these arms."
    )
    return _section(
        "How sure is this?",
        _list(describe_arms(data.finished, METRIC)),
        _compare(differences),
        _paragraph(f"{note} The appendix has every size.", "note"),
    )


def _compare(differences: Sequence[Difference]) -> str:
    """A table of gains over the baseline, in points."""
    rows = [
        [
            one.arm,
            baseline_of(one.arm),
            str(one.n_synthetic),
            _signed(one.interval.mean),
            f"{_signed(one.interval.low)} to {_signed(one.interval.high)}" if one.interval.n > 1 else "–",
            _format_p(one.p_adjusted),
            str(one.interval.n),
        ]
        for one in differences
    ]
    return _table(("arm", "baseline", "#texts", "#points", "#95 % interval", "#adjusted p", "#RNG seeds"), rows)


def _show_review(data: ReportData) -> str:
    gains = review_gains(data.finished, data.experiment.arms, METRIC)
    if not gains:
        return ""
    sentences = [
        f"{gain.source}, {_count(gain.n_synthetic, 'text')}, after {_count(gain.n_decisions, 'decision')} of people: "
        + ", ".join(f"{use.value} {format_metric(METRIC, one.mean)}" for use, one in gain.uses.items())
        + "."
        for gain in gains
    ]
    caption = "Macro-F1 with the same texts as they came (raw), with those people accepted, and with people's labels."
    return _section("What review bought", _list(sentences), _chart("review", review_chart(gains, METRIC), caption))


def _show_labels_found(data: ReportData) -> str:
    """The confusion matrix and each label's figures, the best arm beside the baseline."""
    columns = []
    for i, (title, predictions) in enumerate(data.predictions.items()):
        if not predictions:
            continue
        rows = [
            [
                one.label,
                _format_interval(one.f1),
                f"{one.precision.mean:.2f}",
                f"{one.recall.mean:.2f}",
                str(one.support),
            ]
            for one in class_figures(predictions, data.task.labels)
        ]
        chart = confusion_chart(confusion(predictions, data.task.labels), data.task.labels)
        n_runs = len({one.run_id for one in predictions})
        caption = f"Test texts by true and predicted label, summed over {_count(n_runs, 'run')}."
        table = _table(("label", "#F1 (95 %)", "#precision", "#recall", "#texts"), rows)
        columns.append(_element("div", "", [_heading(3, title), _chart(f"confusion-{i}", chart, caption), table]))
    return _section("Which labels it gets right", _element("div", "columns", columns)) if columns else ""


def _show_label_shares(data: ReportData) -> str:
    if not data.label_counts:
        return ""
    chart = label_shares(data.label_counts, data.task.labels)
    return _section("Which labels the texts carry", _chart("labels", chart, "Share of each label among the texts."))


def _show_wrong_texts(data: ReportData) -> str:
    """The test texts that most runs of the best arm get wrong."""
    title, predictions = next(iter(data.predictions.items()), ("", ()))
    wrong = wrong_texts(predictions)
    if not wrong:
        return ""
    rows = [
        [one.text, one.truth, one.predicted, _percent(one.share), _percent(one.prob)] for one in wrong[:N_WRONG_TEXTS]
    ]
    note = f"{title}: the first {len(rows)} of {_count(len(wrong), 'test text')} that at least one run gets wrong."
    columns = ("text", "true label", "predicted", "#runs wrong", "#its probability")
    return _section("Texts it gets wrong", _paragraph(note, "note"), _table(columns, rows))


def _show_samples(data: ReportData) -> str:
    soft = {arm.name for arm in data.experiment.arms if arm.spec.use is TextUse.SOFT}
    parts = []
    for arm, texts in data.samples.items():
        rows = [[one.text, _name_label(one, data.task.labels if arm in soft else ())] for one in texts]
        parts += [_heading(3, arm), _table(("text", "label"), rows)] if rows else []
    note = _paragraph("Shown as the classifier was trained on them.", "note")
    return _section("A few of the texts", note, *parts) if parts else ""


def _name_label(one: ArmText, labels: Sequence[str]) -> str:
    """The text's label, or its probabilities where it is trained on them."""
    if not labels or one.probs is None:
        return one.label
    return ", ".join(f"{label} {_percent(prob)}" for label, prob in zip(labels, one.probs, strict=True))


# In words -------------------------------------------------------------------------------------------------------------

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
    "Arm": "One way to choose the added texts: which language model, raw or corrected by people, filtered or not.",
    "Baseline": "The same classifier trained on the seeds only. What an arm is worth is its distance from that.",
    "Accuracy": "The share of test texts that get the right label. High for a lazy answer where one label is common.",
    "Macro-F1": (
        "How well each label is found, without missing it or seeing it everywhere, averaged over labels so that rare "
        "ones count as much as common ones. From 0 to 1, higher is better; one point is 0.01."
    ),
    "Precision and recall": "Of the texts given a label the share that has it; of those that have it the share found.",
    "RNG seed": "The number that fixes all random choices of a training run. Other seeds show how much is luck.",
    "95 % interval": "A range that holds the true mean in 95 of 100 such experiments. Wide means: few runs, much luck.",
    "p": (
        "How often a difference at least this large would come up by luck alone, if there were none. Below 0.05 is "
        "commonly taken as more than luck. Adjusted: allows for several comparisons, of which one may be lucky."
    ),
}


def _explain_measuring(data: ReportData) -> str:
    config = data.experiment.config
    n_test = sum(data.test_counts.values())
    seed_counts = Counter(one.label for one in data.seed_set.examples)
    drawn = "chosen by hand" if data.seed_set.rng_seed is None else f"drawn with RNG seed {data.seed_set.rng_seed}"
    n_real = sum(one.split.is_real for one in data.seed_set.examples)
    n_written = len(data.seed_set.examples) - n_real
    seeds = _count(n_real, "real text") + (f" and {_count(n_written, 'synthetic text')}" if n_written else "")
    facts = [
        f"Seeds: {seeds}, {drawn} "
        f"({', '.join(f'{label} {seed_counts[label]}' for label in data.task.labels)}). Every classifier learns them.",
        f"Test: {_count(n_test, 'real text')} "
        f"({', '.join(f'{label} {data.test_counts.get(label, 0)}' for label in data.task.labels)}). They "
        "were used for no choice: not for training, not by a filter, not to stop a training. The best arm is named "
        "after its figures are seen; the adjusted p allows for that.",
        *_describe_classifiers(data.experiment),
        f"Repeats: every point is trained with {_count(len(config.rng_seeds), 'RNG seed')} "
        f"({', '.join(map(str, config.rng_seeds))}). A seed decides which of an arm's texts are drawn, their order "
        "and how the classifier starts; an arm is compared with the baseline seed by seed (paired t-test).",
        f"Sizes: {', '.join(map(str, config.sizes)) or 'no'} added texts. With one RNG seed a larger size holds all "
        "texts of every smaller one.",
        "Intervals and p tell the luck of training and of which texts were drawn (where an arm has more than were "
        "drawn), not that of which texts are in the test split: another one would move all figures somewhat.",
        *(f"{arm.name}: {_describe_arm(arm)}" for arm in data.experiment.arms),
    ]
    return _section("How this was measured", _list(facts))


def _describe_classifiers(experiment: Experiment) -> list[str]:
    """What is trained and for how long, a sentence a kind."""
    recipe = experiment.config.recipe
    kinds = {*experiment.config.baselines, *(arm.spec.kind for arm in experiment.arms)}
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
            f"{recipe.encoder.name}; its arms are compared with a probe trained on the seeds only."
        )
    if recipe.synthetic_weight != 1:
        facts.append(f"A synthetic text weighs {recipe.synthetic_weight:g} of a real one in training.")
    return facts


def _describe_arm(arm: Arm) -> str:
    """Which texts the arm has and what its filter does."""
    rules = []
    if arm.spec.filter.agrees:
        rules.append("drops texts to which a classifier trained on the seeds gives another label")
    if arm.spec.filter.keep_share < 1:
        rules.append(f"keeps of each label the {_percent(arm.spec.filter.keep_share)} that it is surest of")
    sentences = [f"{USES[arm.spec.use]}. {_count(arm.n_texts, 'text')}."]
    if rules:
        sentences.append(f"Its filter {' and '.join(rules)}: {arm.n_dropped} left out.")
    if arm.spec.filter.is_balanced:
        sentences.append("Labels are taken in turn, so that each has as many texts.")
    return " ".join(sentences)


def _explain_words(data: ReportData) -> str:
    terms = [_element("dt", "", [_text(term)]) + _element("dd", "", [_text(said)]) for term, said in GLOSSARY.items()]
    return _section("Words", _element("dl", "", terms))


def _list_everything(data: ReportData) -> str:
    """All points, all differences, and the runs that failed."""
    by_metric = [aggregate_runs(data.finished, metric) for metric in METRICS]
    rows = [
        [
            points[0].arm,
            str(points[0].n_synthetic),
            *(_format_interval(one.interval, metric) for metric, one in zip(METRICS, points, strict=True)),
            str(points[0].interval.n),
        ]
        for points in zip(*by_metric, strict=True)
    ]
    columns = ("arm", "#texts", *(f"#{name} (95 %)" for name in METRICS.values()), "#RNG seeds")
    parts = [
        _heading(3, "All points"),
        _table(columns, rows) if rows else _paragraph("No training run has finished yet."),
    ]
    if differences := compare_with_baseline(data.finished, METRIC):
        note = f"In points of macro-F1; p is adjusted (Holm) for all {len(differences)} comparisons of this table."
        parts += [_heading(3, "All differences to the baseline"), _paragraph(note, "note"), _compare(differences)]
    failed = [
        [str(run.id), run.arm, str(run.n_synthetic), str(run.config.rng_seed), run.state.message]
        for run in _failed(data.runs)
    ]
    if failed:
        parts += [
            _heading(3, "Failed training runs"),
            _table(("#run", "arm", "#texts", "#RNG seed", "message"), failed),
        ]
    return _section("Appendix", *parts)


# Runs and numbers -----------------------------------------------------------------------------------------------------


def _failed(runs: Sequence[TrainingRun]) -> list[TrainingRun]:
    return [run for run in runs if run.state.status is RunStatus.FAILED]


def _count(n: int, noun: str) -> str:
    """'1 text', '1,203 texts'."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _signed(difference: float) -> str:
    """'+9.2' points for 0.092; a true minus sign."""
    return f"{round(100 * difference, 1) + 0.0:+.1f}".replace("-", "−")


def _format_p(p: float | None) -> str:
    if p is None:
        return "–"
    return "< 0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def _format_interval(interval: Interval, metric: str = METRIC) -> str:
    """'0.73 (0.70 to 0.76)', or the mean alone where one run gives no interval."""
    mean, low, high = (format_metric(metric, value) for value in (interval.mean, interval.low, interval.high))
    return mean if interval.n < 2 else f"{mean} ({low} to {high})"


# HTML: the only place that writes it; plain strings come in, escaped ones go out --------------------------------------

WIDE_COLUMNS = {"text": "text", "message": "text", "arm": "name", "baseline": "name"}  # by CSS class
CLEAR, GRID = "rgba(0,0,0,0)", "rgba(128,138,149,0.25)"
AXIS = {"gridcolor": GRID, "zerolinecolor": GRID, "ticks": "outside", "ticklen": 4, "tickcolor": CLEAR}
LOOK = {
    "font": {"family": "system-ui, sans-serif", "size": 13, "color": THEMED},
    "paper_bgcolor": CLEAR,
    "plot_bgcolor": CLEAR,
    **{axis: {**AXIS, "fixedrange": True, "title": {"font": {"size": 13}}} for axis in ("xaxis", "yaxis")},
}

PAGE = Template("""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline'; \
style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
$style
</style>
<script>$plotly</script>
</head>
<body>
<noscript><p class="missing">The charts need JavaScript. The tables hold the same figures.</p></noscript>
$body
</body>
</html>
""")


def _element(tag: str, css_class: str, parts: Sequence[str]) -> str:
    """An element around parts that are HTML already."""
    attribute = f' class="{css_class}"' if css_class else ""
    return f"<{tag}{attribute}>{''.join(parts)}</{tag}>"


def _text(text: str) -> str:
    """Escaped; a number and its % stay on one line."""
    return escape(text).replace(" %", "&nbsp;%")


def _heading(level: int, text: str) -> str:
    return _element(f"h{level}", "", [_text(text)])


def _paragraph(text: str, css_class: str = "") -> str:
    return _element("p", css_class, [_text(text)])


def _section(title: str, *parts: str) -> str:
    return _element("section", "", [_heading(2, title), *parts])


def _list(sentences: Sequence[str]) -> str:
    return _element("ul", "", [_element("li", "", [_text(one)]) for one in sentences])


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of strings; a column whose name begins with # holds numbers."""
    classes = ["number" if one[0] == "#" else WIDE_COLUMNS.get(one, "") for one in columns]
    head = [_element("th", css, [_text(one.removeprefix("#"))]) for one, css in zip(columns, classes, strict=True)]
    body = [
        _element("tr", "", [_element("td", css, [_text(cell)]) for cell, css in zip(row, classes, strict=True)])
        for row in rows
    ]
    table = _element("table", "", [_element("thead", "", [_element("tr", "", head)]), _element("tbody", "", body)])
    return f'<div class="scroll" tabindex="0">{table}</div>'


def _chart(name: str, figure: go.Figure, caption: str, *, is_wide: bool = False) -> str:
    """A figure on the page's own background. It can be pointed at, not dragged: a phone scrolls over it."""
    figure = go.Figure(figure).update_layout(template={"layout": LOOK}, dragmode=False)
    config = {"displayModeBar": False, "responsive": True}
    html = figure.to_html(full_html=False, include_plotlyjs=False, div_id=f"chart-{name}", config=config)
    label = f'<div role="img" aria-label="{escape(caption)}">{html}</div>'
    return _element("figure", "wide" if is_wide else "", [label, _element("figcaption", "", [_text(caption)])])
