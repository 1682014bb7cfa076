"""A whole experiment as one HTML file that explains itself, for reading offline, printing or sending.

Pure: a `ReportData` comes in, a string goes out; the same data give the same string. Knows no store and no page.
Nothing is fetched when the file is opened: Plotly's script is in it, and a Content-Security-Policy forbids the network.
Only `augment.results.report.html` writes HTML, and it escapes whatever it is given.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from plotly.offline import get_plotlyjs

from augment.records import (
    RunStatus,
    TextUse,
    TrainingRun,
    VariantText,
)
from augment.results.cautions import check_test_split, list_notes
from augment.results.charts.counts import label_shares
from augment.results.charts.labels import confusion_chart
from augment.results.charts.learning import learning_curve, review_chart
from augment.results.charts.styles import variant_styles
from augment.results.comparison import (
    Difference,
    aggregate_runs,
    compare_at_largest,
    compare_with_baseline,
)
from augment.results.headlines import describe_variants, explain_intervals, name_point
from augment.results.predictions import class_figures, confusion, wrong_texts
from augment.results.recommended import answer
from augment.results.report import html
from augment.results.report.data import ReportData
from augment.results.report.words import GLOSSARY, explain_measuring
from augment.results.review_gains import review_gains
from augment.results.review_impact import describe_gain
from augment.results.variants import TEST_SPLIT, VariantNames, name_variants
from augment.wording import METRICS, format_interval, format_p, format_points, percent, plural

METRIC = "macro_f1"  # what the report's claims are about
N_WRONG_TEXTS = 12


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
        f"{data.task.name} · what augmentation gained",
        [section(data) for section in sections],
        style=Path(__file__).with_name("report.css").read_text(encoding="utf-8"),
        script=get_plotlyjs(),
    )


# Figures --------------------------------------------------------------------------------------------------------------


def _summarise(data: ReportData) -> str:
    """The task, the answer, where it comes from, and what limits it."""
    what = "No training run has finished yet"
    if data.finished:
        what = answer(data.finished, METRIC, data.names, data.recommended, data.predicted)
    created, n_failed = data.created_at, len(_failed(data.runs))
    facts = [
        f"{created.day} {created:%B %Y, %H:%M} UTC",
        f"data: {data.task.source}",
        f"experiment {data.experiment.id}" + (f" ({data.experiment.name})" if data.experiment.name else ""),
        plural(len(data.runs), "training run") + (f", {n_failed} of them failed (appendix)" if n_failed else ""),
    ]
    title = f"{data.task.name} · {data.task.label_type} of a {data.task.text_type}: {', '.join(data.task.labels)}"
    missing = [*check_test_split(data.test_counts), *_find_missing(data)] if data.finished else _find_missing(data)
    notes = list_notes(data.finished, METRIC, data.names, data.predicted)
    box = (
        [html.element("div", "missing", [html.paragraph("Before you read on:"), html.listing(missing)])]
        if missing
        else []
    )
    return html.element(
        "header",
        "",
        [
            html.heading(1, title),
            html.paragraph(what, "headline"),
            *map(html.paragraph, notes),
            html.paragraph(" · ".join(facts), "facts"),
            *box,
        ],
    )


def _find_missing(data: ReportData) -> list[str]:
    """What the experiment lacks, a sentence each."""
    missing = []
    ended = (RunStatus.DONE, RunStatus.FAILED)
    waiting = Counter(run.state.status.value for run in data.runs if run.state.status not in ended)
    if waiting:
        states = ", ".join(f"{n} {status}" for status, n in sorted(waiting.items()))
        missing.append(
            f"Not every training run is done ({states}). Only finished runs count here, so figures may change."
        )
    if not data.finished:
        return [*missing, "There are no figures yet: they come with the first finished training run."]
    if all(not run.variant.is_baseline for run in data.finished):
        missing.append("No run on the seeds only has finished, so what the added texts gained is not known.")
    if all(run.variant.is_baseline for run in data.finished):
        missing.append("No run with added texts has finished: there is only the baseline.")
    if any(point.interval.n < 2 for point in aggregate_runs(data.finished, METRIC)):
        missing.append("Points with one RNG seed have no interval and no p: their gains may be chance.")
    return missing


def _show_curves(data: ReportData) -> str:
    if not data.finished:
        return ""
    styles, names = variant_styles(data.experiment.config.variants), data.names
    n_test = sum(data.test_counts.values())
    majority = max(data.test_counts.values()) / n_test if n_test else None
    points = {metric: aggregate_runs(data.finished, metric) for metric in METRICS}
    how = f"Mean over RNG seeds on {plural(n_test, 'real test text')}; bands are 95% intervals."
    majority_line = (
        "" if majority is None else " The dotted line is what always predicting the most common label would reach."
    )
    return html.section(
        "What augmentation gained",
        *([html.paragraph(f"All variants with synthetic texts: {names.shared}.", "note")] if names.shared else []),
        html.chart(
            "macro-f1", learning_curve(points["macro_f1"], "macro_f1", styles, names), f"Macro-F1. {how}", is_wide=True
        ),
        html.chart(
            "accuracy",
            learning_curve(points["accuracy"], "accuracy", styles, names, majority=majority),
            f"Accuracy of the same runs.{majority_line}",
            is_wide=True,
        ),
    )


def _show_certainty(data: ReportData) -> str:
    compared = compare_at_largest(compare_with_baseline(data.finished, METRIC, data.predicted))
    differences = sorted(compared, key=lambda difference: difference.interval.mean, reverse=True)
    if not differences:
        reason = "Nothing can be compared yet: that needs finished runs with added texts and on the seeds only."
        return html.section("How sure is this?", html.paragraph(reason))
    note = f"Each variant at its largest size against its baseline. {explain_intervals(differences)}"
    return html.section(
        "How sure is this?",
        html.listing(describe_variants(data.finished, METRIC, data.names, data.predicted)),
        _compare(differences, data.names),
        html.paragraph(f"{note} The appendix has every size.", "note"),
    )


def _compare(differences: Sequence[Difference], names: VariantNames) -> str:
    """A table of gains over the baseline, in points."""
    rows = [
        [
            names[difference.variant],
            names[difference.variant.baseline],
            f"{difference.n_synthetic:,}",
            format_points(difference.interval.mean),
            f"{format_points(difference.interval.low)} to {format_points(difference.interval.high)}"
            if difference.has_interval
            else "–",
            "–" if difference.p_adjusted is None else format_p(difference.p_adjusted),
            str(difference.interval.n),
        ]
        for difference in differences
    ]
    return html.table(("variant", "baseline", "#texts", "#points", "#95% interval", "#adjusted p", "#RNG seeds"), rows)


def _show_review(data: ReportData) -> str:
    gains = review_gains(data.finished, data.experiment.variants, METRIC, data.predicted)
    if not gains:
        return ""
    sentences = [
        f"{describe_gain(gain, METRIC, data.names)} After {plural(gain.n_decisions, 'decision')} by people."
        for gain in gains
    ]
    caption = (
        "Macro-F1 with texts as the language model labelled them (raw) and after review, at the largest size that both "
        "have. Texts that people rejected are among the raw ones only."
    )
    return html.section(
        "What review gained",
        html.listing(sentences),
        html.chart("review", review_chart(gains, METRIC, data.names), caption),
    )


def _show_labels_found(data: ReportData) -> str:
    """The confusion matrix and each label's figures, the best variant beside the baseline."""
    columns = []
    for i, (point, predictions) in enumerate(data.predictions.items()):
        if not predictions:
            continue
        rows = [
            [
                scores.label,
                format_interval(scores.f1, METRIC),
                f"{scores.precision.mean:.2f}",
                f"{scores.recall.mean:.2f}",
                f"{scores.support:,}",
            ]
            for scores in class_figures(predictions, data.task.labels)
        ]
        chart = confusion_chart(confusion(predictions, data.task.labels), data.task.labels)
        n_runs = len({prediction.run_id for prediction in predictions})
        heading = html.heading(3, name_point(*point, data.names))
        caption = f"Test texts by true and predicted label, summed over {plural(n_runs, 'run')}."
        table = html.table(("label", "#F1 (95%)", "#precision", "#recall", "#texts"), rows)
        columns.append(
            html.element(
                "div",
                "",
                [heading, html.chart(f"confusion-{i}", chart, caption), table],
            )
        )
    return html.section("Which labels it gets right", html.element("div", "columns", columns)) if columns else ""


def _show_label_shares(data: ReportData) -> str:
    if not data.label_counts:
        return ""
    names = name_variants([variant.texts for variant in data.label_counts], data.writers)
    groups = {names[variant.texts]: counts for variant, counts in data.label_counts.items()}
    chart = label_shares(groups | {TEST_SPLIT: data.test_counts}, data.task.labels)
    return html.section("Labels of the texts", html.chart("labels", chart, "Share of each label among the texts."))


def _show_wrong_texts(data: ReportData) -> str:
    """The test texts that most runs of the best variant get wrong."""
    point, predictions = next(iter(data.predictions.items()), (None, ()))
    wrong = wrong_texts(predictions)
    if not wrong or point is None:
        return ""
    rows = [
        [text.text, text.truth, text.predicted, percent(text.share), percent(text.prob)]
        for text in wrong[:N_WRONG_TEXTS]
    ]
    title = name_point(*point, data.names)
    n_wrong = plural(len(wrong), "test text")
    note = f"{title}: {len(rows)} of {n_wrong} that at least one run gets wrong, the most often wrong first."
    columns = ("text", "true label", "predicted label", "#runs wrong", "#probability of the predicted label")
    return html.section("Texts it gets wrong", html.paragraph(note, "note"), html.table(columns, rows))


def _show_samples(data: ReportData) -> str:
    parts = []
    for variant, texts in data.samples.items():
        labels = data.task.labels if variant.use in (TextUse.SOFT, TextUse.CONSENSUS) else ()
        rows = [[text.text, _name_label(text, labels)] for text in texts]
        parts += [html.heading(3, data.names[variant]), html.table(("text", "label"), rows)] if rows else []
    note = html.paragraph("With the labels that the classifier was trained on.", "note")
    return html.section("A few of the texts", note, *parts) if parts else ""


def _name_label(text: VariantText, labels: Sequence[str]) -> str:
    """The text's label, or its probabilities where it is trained on them."""
    if not labels or text.probs is None:
        return text.label
    return ", ".join(f"{label} {percent(prob)}" for label, prob in zip(labels, text.probs, strict=True))


def _show_measuring(data: ReportData) -> str:
    facts = explain_measuring(data.experiment, data.seed_set, data.test_counts, data.names, data.recommended)
    return html.section("How this was measured", html.listing(facts))


def _show_words(data: ReportData) -> str:
    return html.section("Words", html.glossary(GLOSSARY))


def _list_everything(data: ReportData) -> str:
    """All points, all differences, and the runs that failed."""
    by_metric = [aggregate_runs(data.finished, metric) for metric in METRICS]
    rows = [
        [
            data.names[points[0].variant],
            f"{points[0].n_synthetic:,}",
            *(format_interval(point.interval, metric) for metric, point in zip(METRICS, points, strict=True)),
            str(points[0].interval.n),
        ]
        for points in zip(*by_metric, strict=True)
    ]
    columns = ("variant", "#texts", *(f"#{name} (95%)" for name in METRICS.values()), "#RNG seeds")
    parts = [
        html.heading(3, "All points"),
        html.table(columns, rows) if rows else html.paragraph("No training run has finished yet."),
    ]
    if differences := compare_with_baseline(data.finished, METRIC, data.predicted):
        note = "In points of macro-F1. Only the largest size of each variant is tested: its p is the one given above."
        parts += [
            html.heading(3, "All differences to the baseline"),
            html.paragraph(note, "note"),
            _compare(differences, data.names),
        ]
    failed = [
        [str(run.id), data.names[run.variant], f"{run.n_synthetic:,}", str(run.config.rng_seed), run.state.message]
        for run in _failed(data.runs)
    ]
    if failed:
        parts += [
            html.heading(3, "Failed training runs"),
            html.table(("#run", "variant", "#texts", "#RNG seed", "message"), failed),
        ]
    return html.section("Appendix", *parts)


def _failed(runs: Sequence[TrainingRun]) -> list[TrainingRun]:
    return [run for run in runs if run.state.status is RunStatus.FAILED]
