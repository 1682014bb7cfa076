"""A whole experiment as one HTML file that explains itself: read offline, printed or sent, by who never saw the app.

Pure: a `ReportData` comes in, a string goes out; the same data give the same string. Knows no store and no page.
Nothing is fetched when the file is opened: Plotly's script is in it, and a Content-Security-Policy forbids the network.
Only `augment.results.report.html` writes HTML, and it escapes whatever it is given.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from plotly.offline import get_plotlyjs

from augment.records import (
    ArmText,
    Experiment,
    RunStatus,
    SeedSet,
    StoredPrediction,
    Task,
    TextUse,
    TrainingRun,
)
from augment.results.charts.counts import label_shares
from augment.results.charts.labels import confusion_chart
from augment.results.charts.learning import learning_curve, review_chart
from augment.results.charts.styles import arm_styles
from augment.results.comparison import (
    Difference,
    aggregate_runs,
    baseline_of,
    compare_at_largest,
    compare_with_baseline,
    describe_arms,
    headline,
)
from augment.results.predictions import class_figures, confusion, wrong_texts
from augment.results.report import html
from augment.results.report.words import GLOSSARY, explain_measuring
from augment.results.review_gains import review_gains
from augment.wording import METRICS, format_interval, format_metric, format_p, format_points, percent, plural

METRIC = "macro_f1"  # what the report's claims are about
N_WRONG_TEXTS = 12


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
        _show_measuring,
        _show_words,
        _list_everything,
    )
    return html.page(
        f"{data.task.name} · what the texts bought",
        [section(data) for section in sections],
        style=Path(__file__).with_name("report.css").read_text(encoding="utf-8"),
        script=get_plotlyjs(),
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
        plural(len(data.runs), "training run") + (f", {n_failed} of them failed (appendix)" if n_failed else ""),
    ]
    title = f"{data.task.name} · {data.task.label_type} of a {data.task.text_type}: {', '.join(data.task.labels)}"
    missing = _find_missing(data)
    box = (
        [html.element("div", "missing", [html.paragraph("What to know before reading on:"), html.listing(missing)])]
        if missing
        else []
    )
    return html.element(
        "header",
        "",
        [html.heading(1, title), html.paragraph(answer, "headline"), html.paragraph(" · ".join(facts), "facts"), *box],
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
    how = f"Mean over RNG seeds on {plural(n_test, 'real test text')}; bands are 95% intervals."
    commonest = "" if majority is None else " The dotted line is what always answering the commonest label would reach."
    return html.section(
        "What the texts bought",
        html.chart(
            "macro-f1", learning_curve(points["macro_f1"], "macro_f1", styles), f"Macro-F1. {how}", is_wide=True
        ),
        html.chart(
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
        return html.section("How sure is this?", html.paragraph(reason))
    note = (
        "Each arm at its largest size against its baseline, RNG seed by RNG seed; p is adjusted for all of these arms."
    )
    return html.section(
        "How sure is this?",
        html.listing(describe_arms(data.finished, METRIC)),
        _compare(differences),
        html.paragraph(f"{note} The appendix has every size.", "note"),
    )


def _compare(differences: Sequence[Difference]) -> str:
    """A table of gains over the baseline, in points."""
    rows = [
        [
            one.arm,
            baseline_of(one.arm),
            str(one.n_synthetic),
            format_points(one.interval.mean),
            f"{format_points(one.interval.low)} to {format_points(one.interval.high)}" if one.interval.n > 1 else "–",
            "–" if one.p_adjusted is None else format_p(one.p_adjusted),
            str(one.interval.n),
        ]
        for one in differences
    ]
    return html.table(("arm", "baseline", "#texts", "#points", "#95% interval", "#adjusted p", "#RNG seeds"), rows)


def _show_review(data: ReportData) -> str:
    gains = review_gains(data.finished, data.experiment.arms, METRIC)
    if not gains:
        return ""
    sentences = [
        f"{gain.source}, {plural(gain.n_synthetic, 'text')}, after {plural(gain.n_decisions, 'decision')} of people: "
        + ", ".join(f"{use.value} {format_metric(METRIC, one.mean)}" for use, one in gain.uses.items())
        + "."
        for gain in gains
    ]
    caption = "Macro-F1 with the same texts as they came (raw), with those people accepted, and with people's labels."
    return html.section(
        "What review bought", html.listing(sentences), html.chart("review", review_chart(gains, METRIC), caption)
    )


def _show_labels_found(data: ReportData) -> str:
    """The confusion matrix and each label's figures, the best arm beside the baseline."""
    columns = []
    for i, (title, predictions) in enumerate(data.predictions.items()):
        if not predictions:
            continue
        rows = [
            [
                one.label,
                format_interval(one.f1, METRIC),
                f"{one.precision.mean:.2f}",
                f"{one.recall.mean:.2f}",
                str(one.support),
            ]
            for one in class_figures(predictions, data.task.labels)
        ]
        chart = confusion_chart(confusion(predictions, data.task.labels), data.task.labels)
        n_runs = len({one.run_id for one in predictions})
        caption = f"Test texts by true and predicted label, summed over {plural(n_runs, 'run')}."
        table = html.table(("label", "#F1 (95%)", "#precision", "#recall", "#texts"), rows)
        columns.append(
            html.element("div", "", [html.heading(3, title), html.chart(f"confusion-{i}", chart, caption), table])
        )
    return html.section("Which labels it gets right", html.element("div", "columns", columns)) if columns else ""


def _show_label_shares(data: ReportData) -> str:
    if not data.label_counts:
        return ""
    chart = label_shares(data.label_counts, data.task.labels)
    return html.section(
        "Which labels the texts carry", html.chart("labels", chart, "Share of each label among the texts.")
    )


def _show_wrong_texts(data: ReportData) -> str:
    """The test texts that most runs of the best arm get wrong."""
    title, predictions = next(iter(data.predictions.items()), ("", ()))
    wrong = wrong_texts(predictions)
    if not wrong:
        return ""
    rows = [
        [one.text, one.truth, one.predicted, percent(one.share), percent(one.prob)] for one in wrong[:N_WRONG_TEXTS]
    ]
    note = f"{title}: the first {len(rows)} of {plural(len(wrong), 'test text')} that at least one run gets wrong."
    columns = ("text", "true label", "predicted", "#runs wrong", "#its probability")
    return html.section("Texts it gets wrong", html.paragraph(note, "note"), html.table(columns, rows))


def _show_samples(data: ReportData) -> str:
    soft = {arm.name for arm in data.experiment.arms if arm.spec.use is TextUse.SOFT}
    parts = []
    for arm, texts in data.samples.items():
        rows = [[one.text, _name_label(one, data.task.labels if arm in soft else ())] for one in texts]
        parts += [html.heading(3, arm), html.table(("text", "label"), rows)] if rows else []
    note = html.paragraph("Shown as the classifier was trained on them.", "note")
    return html.section("A few of the texts", note, *parts) if parts else ""


def _name_label(one: ArmText, labels: Sequence[str]) -> str:
    """The text's label, or its probabilities where it is trained on them."""
    if not labels or one.probs is None:
        return one.label
    return ", ".join(f"{label} {percent(prob)}" for label, prob in zip(labels, one.probs, strict=True))


def _show_measuring(data: ReportData) -> str:
    facts = explain_measuring(data.experiment, data.seed_set, data.test_counts, data.task.labels)
    return html.section("How this was measured", html.listing(facts))


def _show_words(data: ReportData) -> str:
    return html.section("Words", html.glossary(GLOSSARY))


def _list_everything(data: ReportData) -> str:
    """All points, all differences, and the runs that failed."""
    by_metric = [aggregate_runs(data.finished, metric) for metric in METRICS]
    rows = [
        [
            points[0].arm,
            str(points[0].n_synthetic),
            *(format_interval(one.interval, metric) for metric, one in zip(METRICS, points, strict=True)),
            str(points[0].interval.n),
        ]
        for points in zip(*by_metric, strict=True)
    ]
    columns = ("arm", "#texts", *(f"#{name} (95%)" for name in METRICS.values()), "#RNG seeds")
    parts = [
        html.heading(3, "All points"),
        html.table(columns, rows) if rows else html.paragraph("No training run has finished yet."),
    ]
    if differences := compare_with_baseline(data.finished, METRIC):
        note = f"In points of macro-F1; p is adjusted (Holm) for all {len(differences)} comparisons of this table."
        parts += [
            html.heading(3, "All differences to the baseline"),
            html.paragraph(note, "note"),
            _compare(differences),
        ]
    failed = [
        [str(run.id), run.arm, str(run.n_synthetic), str(run.config.rng_seed), run.state.message]
        for run in _failed(data.runs)
    ]
    if failed:
        parts += [
            html.heading(3, "Failed training runs"),
            html.table(("#run", "arm", "#texts", "#RNG seed", "message"), failed),
        ]
    return html.section("Appendix", *parts)


def _failed(runs: Sequence[TrainingRun]) -> list[TrainingRun]:
    return [run for run in runs if run.state.status is RunStatus.FAILED]
