"""The report: figures equal the comparison's, hostile text is inert, the file is self-contained, gaps are named."""

import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from random import Random

import pytest
from playwright.sync_api import sync_playwright
from plotly.offline import get_plotlyjs

from augment.records import (
    ClassifierKind,
    Example,
    Experiment,
    ExperimentConfig,
    ExperimentVariant,
    Interval,
    MetricPoint,
    RunState,
    RunStatus,
    SeedSet,
    Split,
    StoredPrediction,
    Task,
    TextFilter,
    TextUse,
    TrainingConfig,
    TrainingRun,
    Variant,
    VariantText,
    Writer,
)
from augment.results.comparison import aggregate_runs, compare_at_largest, compare_with_baseline
from augment.results.headlines import describe_variants, headline
from augment.results.predictions import class_figures, wrong_texts
from augment.results.recommended import Choice, Recommended
from augment.results.report.build import build_report
from augment.results.report.data import ReportData
from augment.results.variants import TEST_SPLIT, name_variants
from tests.augment.results.made_runs import LABELS

NOW = datetime(2026, 11, 7, 14, 5, tzinfo=UTC)
SIZES, RNG_SEEDS = (10, 50, 100, 200), (0, 1, 2, 3, 4)
WRITERS = {1: Writer("GPT-J"), 2: Writer("GPT-Neo")}
RELABELLED, AGREED = Variant(TextUse.RELABELLED, (1,)), Variant(TextUse.RAW, (2,), TextFilter(agrees=True))
REAL = Variant(TextUse.REAL)
VARIANTS = {
    Variant(TextUse.RAW, (1,)): 0.09,
    Variant(TextUse.ACCEPTED, (1,)): 0.12,
    RELABELLED: 0.16,
    AGREED: -0.08,
    Variant(TextUse.SOFT, (2,), kind=ClassifierKind.PROBE): 0.02,
    REAL: 0.24,
}
NAMES = name_variants(VARIANTS, WRITERS)
BASELINES = {Variant(): 0.45, Variant(kind=ClassifierKind.PROBE): 0.5}
STYLE_SHEET = Path(__file__).parents[3] / "augment" / "results" / "report" / "report.css"
BEST = (RELABELLED, 200)
HOSTILE = "<script>alert(1)</script> ![x](http://evil.example/x.png) </script><img src=http://evil.example/y>"


def make_run(
    number: int, variant: Variant, n: int, rng_seed: int, macro_f1: float, *, variant_id: int | None = None
) -> TrainingRun:
    return TrainingRun(
        id=number,
        task_id=1,
        experiment_id=1,
        variant_id=variant_id,
        variant=variant,
        n_synthetic=n,
        n_train=30 + n,
        config=TrainingConfig(LABELS, kind=variant.kind, rng_seed=rng_seed),
        state=RunState(RunStatus.DONE, "", 125, 125, 9.0, NOW, NOW, NOW),
        last=MetricPoint(125, 0.1, 0.9, macro_f1 + 0.08, macro_f1),
    )


def with_status(run: TrainingRun, status: RunStatus, message: str = "") -> TrainingRun:
    return replace(run, state=replace(run.state, status=status, message=message))


def make_predictions(rng: Random, first_run: int, share_right: float) -> list[StoredPrediction]:
    rows = []
    for run_id in range(first_run, first_run + len(RNG_SEEDS)):
        for i in range(60):
            truth = LABELS[0 if i % 6 < 4 else 1 if i % 6 == 4 else 2]
            label = truth if rng.random() < share_right else rng.choice(LABELS)
            probs = tuple(0.7 if candidate == label else 0.15 for candidate in LABELS)
            rows.append(
                StoredPrediction(run_id, i, f"test text {i}: i feel so {truth} about this", truth, label, probs)
            )
    return rows


def make_data(
    variants: Mapping[Variant, float] = VARIANTS,
    writers: Mapping[int, Writer] = WRITERS,
    text: str = "i feel wonderful today",
) -> ReportData:
    """Variants with given gains, four sizes, five RNG seeds. Gains grow with size; each seed adds some noise."""
    rng = Random(7)
    stored = tuple(ExperimentVariant(i, variant, 240, 31, 57) for i, variant in enumerate(variants, start=1))
    runs: list[TrainingRun] = []
    for rng_seed in RNG_SEEDS:
        luck = rng.gauss(0, 0.015)
        for baseline, level in BASELINES.items():
            runs.append(make_run(len(runs) + 1, baseline, 0, rng_seed, level + luck))
        for stored_variant in stored:
            for n in SIZES:
                score = 0.45 + luck + variants[stored_variant.variant] * (n / 200) ** 0.5 + rng.gauss(0, 0.02)
                runs.append(
                    make_run(len(runs) + 1, stored_variant.variant, n, rng_seed, score, variant_id=stored_variant.id)
                )
    seeds = tuple(Example(i, Split.POOL, f"seed {i}", LABELS[i % 3]) for i in range(30))
    kinds = tuple(baseline.kind for baseline in BASELINES)
    config = ExperimentConfig(1, TrainingConfig(LABELS), tuple(variants), SIZES, RNG_SEEDS, kinds)
    state = RunState(RunStatus.DONE, "", len(runs), len(runs), 900.0, NOW, NOW, NOW)
    return ReportData(
        task=Task(1, "Emotion", "dair-ai/emotion", "tweet", "sentiment", LABELS, NOW),
        experiment=Experiment(1, 1, "November", config, stored, state, NOW),
        seed_set=SeedSet(1, 1, "ten a label", seeds, 3, NOW),
        runs=runs,
        writers=writers,
        predictions={BEST: make_predictions(rng, 1, 0.6), (Variant(), 0): make_predictions(rng, 11, 0.3)},
        label_counts={
            stored_variant.variant: {
                "joy": 140 - 20 * stored_variant.id,
                "anger": 60,
                "surprise": 20 + 10 * stored_variant.id,
            }
            for stored_variant in stored
        },
        samples={
            stored_variant.variant: [VariantText(i, f"{text} {i}", LABELS[i % 3], (0.2, 0.5, 0.3)) for i in range(3)]
            for stored_variant in stored
        },
        test_counts={"joy": 40, "anger": 10, "surprise": 10},
        created_at=NOW,
    )


class Page(HTMLParser):
    """A page as a browser parses it: tags with attributes, text outside scripts, tables as rows of cells."""

    def __init__(self, report: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.scripts = ""
        self.tables: list[list[list[str]]] = []
        self._cell = False
        self.feed(report.replace(get_plotlyjs(), ""))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
        self._cell = tag in ("td", "th")

    def handle_endtag(self, tag: str) -> None:
        self._cell = False

    def handle_data(self, data: str) -> None:
        data = data.replace("\xa0", " ")
        if self.tags and self.tags[-1] == "script" and "Plotly.newPlot" in data:
            self.scripts += data
            return
        self.text += data
        if self._cell:
            self.tables[-1][-1][-1] += data

    def table(self, *columns: str) -> list[list[str]]:
        """The rows of the last table with these columns."""
        return next(table[1:] for table in reversed(self.tables) if table[0] == list(columns))


DIFFERENCES = ("variant", "baseline", "texts", "points", "95% interval", "adjusted p", "RNG seeds")
POINTS = ("variant", "texts", "macro-F1 (95%)", "accuracy (95%)", "RNG seeds")


def points_of(value: float) -> str:
    return f"{100 * value:+.1f}".replace("-", "−")


# Figures -------------------------------------------------------------------------------------------------------------


def test_headline_and_sentences_come_from_the_comparison() -> None:
    data = make_data()
    page = Page(build_report(data))
    answer = headline(data.runs, "macro_f1", data.names)
    assert answer.startswith("200 relabelled texts (GPT-J) beat the 30 seeds alone")
    assert answer.replace("\xa0", " ") in page.text
    sentences = describe_variants(data.runs, "macro_f1", data.names)
    assert len(sentences) == len(VARIANTS)
    assert all(sentence.replace("\xa0", " ") in page.text for sentence in sentences)


def test_differences_come_from_the_comparison_at_the_largest_size_and_in_the_appendix_at_every_size() -> None:
    data = make_data()
    page = Page(build_report(data))
    differences = compare_with_baseline(data.runs, "macro_f1")
    largest, every = [table[1:] for table in page.tables if table[0] == list(DIFFERENCES)]
    assert len(every) == len(differences) == len(VARIANTS) * len(SIZES)
    for row, difference in zip(every, differences, strict=True):
        assert row[:2] == [NAMES[difference.variant], NAMES[difference.variant.baseline]]
        assert row[2:4] == [str(difference.n_synthetic), points_of(difference.interval.mean)]
        assert row[4] == f"{points_of(difference.interval.low)} to {points_of(difference.interval.high)}"
        assert (difference.p_adjusted is None) is (difference.n_synthetic != 200)
        if difference.p_adjusted is None:
            assert row[5] == "–"
        else:
            assert float(row[5].removeprefix("< ")) == pytest.approx(difference.p_adjusted, abs=0.005)
        assert row[6] == str(difference.interval.n)
    best_first = sorted(compare_at_largest(differences), key=lambda difference: -difference.interval.mean)
    assert [row[0] for row in largest] == [NAMES[difference.variant] for difference in best_first]
    assert {row[2] for row in largest} == {"200"}
    p_values = {row[0]: row[5] for row in largest}
    assert {row[0]: row[5] for row in every if row[5] != "–"} == p_values  # one p per comparison


def test_every_point_is_in_the_appendix() -> None:
    data = make_data()
    rows = Page(build_report(data)).table(*POINTS)
    macro_f1, accuracy = (aggregate_runs(data.runs, metric) for metric in ("macro_f1", "accuracy"))
    assert len(rows) == len(VARIANTS) * len(SIZES) + 2
    for row, f1, acc in zip(rows, macro_f1, accuracy, strict=True):
        assert row[:2] == [NAMES[f1.variant], str(f1.n_synthetic)]
        assert row[2] == f"{f1.interval.mean:.2f} ({f1.interval.low:.2f} to {f1.interval.high:.2f})"
        assert row[3].startswith(f"{100 * acc.interval.mean:.1f}% (")
        assert row[4] == str(f1.interval.n)


def test_tables_write_counts_with_separators() -> None:
    data = make_data()
    runs = [replace(run, n_synthetic=1_200) if run.n_synthetic == 200 else run for run in data.runs]
    failed = with_status(runs[-1], RunStatus.FAILED, "no memory")
    page = Page(build_report(replace(data, runs=[*runs, replace(failed, id=999)])))
    largest, every = [table[1:] for table in page.tables if table[0] == list(DIFFERENCES)]
    assert {row[2] for row in largest} == {"1,200"}
    assert "1,200" in {row[2] for row in every}
    assert "1,200" in {row[1] for row in page.table(*POINTS)}
    assert page.table("run", "variant", "texts", "RNG seed", "message")[0][2] == "1,200"


def test_figures_per_label_and_wrong_texts_are_those_of_the_best_variant() -> None:
    data = make_data()
    page = Page(build_report(data))
    tables = [table[1:] for table in page.tables if table[0][:2] == ["label", "F1 (95%)"]]
    for rows, predictions in zip(tables, data.predictions.values(), strict=True):
        for row, figures in zip(rows, class_figures(predictions, LABELS), strict=True):
            assert row[0] == figures.label
            assert row[1].startswith(f"{figures.f1.mean:.2f} (")
            assert row[2:] == [f"{figures.precision.mean:.2f}", f"{figures.recall.mean:.2f}", str(figures.support)]
    wrong = wrong_texts(data.predictions[BEST])
    rows = page.table("text", "true label", "predicted label", "runs wrong", "probability of the predicted label")
    assert [row[:3] for row in rows] == [[text.text, text.truth, text.predicted] for text in wrong[:12]]


def test_the_method_is_described_in_words() -> None:
    data = make_data()
    text = Page(build_report(data)).text
    for words in (
        "7 November 2026, 14:05 UTC",
        "data: dair-ai/emotion",
        "30 real texts, drawn with RNG seed 3 (joy 10, anger 10, surprise 10)",
        "60 real texts (joy 40, anger 10, surprise 10)",
        "the first 3 layers frozen",
        "learning rate 0.0001",
        "every run takes 125 optimiser steps",
        "5 RNG seeds (0, 1, 2, 3, 4)",
        "31 left out",
        "GPT-J, 200 texts each (the same texts): macro-F1 ",
        "After 57 decisions by people.",
        "Macro-F1",
    ):
        assert words in text
    epochs = replace(data.experiment.config.recipe, epochs=3, patience=4)
    other = replace(data.experiment, config=replace(data.experiment.config, recipe=epochs))
    text = Page(build_report(replace(data, experiment=other))).text
    assert "trained for 3 epochs" in text
    assert "after 4 evaluations (one every 20 steps)" in text
    assert "125 optimiser steps" not in text


def test_a_filter_that_has_not_run_yet_leaves_no_number_out() -> None:
    data = make_data()
    stored = tuple(replace(variant, n_dropped=None) for variant in data.experiment.variants)
    text = Page(build_report(replace(data, experiment=replace(data.experiment, variants=stored)))).text
    assert "Its filter drops texts" in text
    assert "left out" not in text


def test_the_report_says_how_the_recommendation_was_made() -> None:
    data = make_data()
    assert "Recommendation: " not in Page(build_report(data)).text
    recommended = Recommended(Choice(*BEST, 0.62, 0.5, 108), Interval(0.1, 0.05, 0.15, 3))
    text = Page(build_report(replace(data, recommended=recommended))).text
    assert "Recommendation: chosen on 108 validation texts" in text
    assert "Intervals of differences cover it where the runs stored their predictions" in text


def test_columns_of_names_are_wide_enough() -> None:
    report = build_report(make_data())
    assert report.count('<th class="name">variant</th><th class="name">baseline</th>') == 2
    assert '<th class="name">variant</th><th class="number">texts</th>' in report


def test_only_soft_labels_show_probabilities() -> None:
    tables = [table for table in Page(build_report(make_data())).tables if table[0] == ["text", "label"]]
    labels = {variant.use: table[1][1] for variant, table in zip(VARIANTS, tables, strict=True)}
    assert labels.pop(TextUse.SOFT) == "joy 20%, anger 50%, surprise 30%"
    assert set(labels.values()) == {"joy"}


def test_consensus_labels_show_the_probabilities_that_are_trained_on() -> None:
    data = make_data({Variant(TextUse.CONSENSUS, (1,)): 0.1})
    rows = Page(build_report(replace(data, predictions={}))).table("text", "label")
    assert rows[0][1] == "joy 20%, anger 50%, surprise 30%"


def test_the_same_data_give_the_same_report() -> None:
    assert build_report(make_data()) == build_report(make_data())


# Identity ------------------------------------------------------------------------------------------------------------

MISLEADING = {
    run_id: Writer(name)
    for run_id, name in enumerate(
        ("real texts, batch 2", "seeds only", "x · linear probe", "x", "twin", "twin"), start=1
    )
}
MISLEADING |= {7: Writer("real texts"), 8: Writer(TEST_SPLIT)}
CONFUSED = {Variant(TextUse.RAW, (run_id,)): 0.02 * run_id for run_id in MISLEADING}
CONFUSED[Variant(TextUse.RAW, (4,), kind=ClassifierKind.PROBE)] = 0.1
CONFUSED[REAL] = 0.4
CALLED = [
    "real texts, batch 2",
    "seeds only (run 2)",
    "x · linear probe (run 3)",
    "x (run 4)",
    "twin (run 5)",
    "twin (run 6)",
    "real texts (run 7)",
    "test split (run 8)",
    "x (run 4) · linear probe",
    "real texts",
]


def make_confused_data() -> ReportData:
    data, best = make_data(CONFUSED, MISLEADING), (list(CONFUSED)[7], 200)
    return replace(data, predictions={best: data.predictions[BEST], (Variant(), 0): data.predictions[Variant(), 0]})


def test_every_variant_is_reported_under_its_own_name_even_with_misleading_writer_names() -> None:
    data = make_confused_data()
    page = Page(build_report(data))
    assert [data.names[variant] for variant in CONFUSED] == CALLED
    points = page.table(*POINTS)
    assert [row[0] for row in points] == [
        "seeds only",
        "seeds only · linear probe",
        *(name for name in CALLED for _ in SIZES),
    ]
    means = {(point.variant, point.n_synthetic): point.interval.mean for point in aggregate_runs(data.runs, "macro_f1")}
    largest = {row[0]: row[2][:4] for row in points if row[1] == "200"}
    assert largest == {data.names[variant]: f"{means[variant, 200]:.2f}" for variant in CONFUSED}
    baselines = {row[0]: row[1] for row in page.table(*DIFFERENCES)}
    probe = "x (run 4) · linear probe"
    assert baselines == dict.fromkeys(CALLED, "seeds only") | {probe: "seeds only · linear probe"}
    assert "200 raw texts (test split (run 8)) beat the 30 seeds alone" in page.text
    for name in CALLED:
        assert f"{name}, 200 texts: " in page.text
    assert page.text.count("real texts, 200 texts: ") == 1
    assert "No run with added texts has finished" not in page.text


def test_the_test_split_and_a_writer_of_the_same_name_each_have_a_bar() -> None:
    page = Page(build_report(make_confused_data()))
    bars = page.scripts[page.scripts.index('"chart-labels"') :]
    assert '"test split (run 8)"' in bars
    assert '"test split"' in bars


def test_what_all_variants_share_is_stated_once() -> None:
    data = make_data({variant: gain for variant, gain in VARIANTS.items() if variant.generation_run_ids == (1,)})
    page = Page(build_report(data))
    assert "All variants with synthetic texts: GPT-J." in page.text
    assert {row[0] for row in page.table(*POINTS)} == {
        "raw",
        "accepted",
        "relabelled",
        "seeds only",
        "seeds only · linear probe",
    }
    assert "All variants with synthetic texts:" not in Page(build_report(make_data())).text


# Partial experiments -------------------------------------------------------------------------------------------------


def test_without_a_finished_run_the_report_says_so() -> None:
    data = make_data()
    waiting = [with_status(replace(run, last=None), RunStatus.QUEUED) for run in data.runs]
    for runs in (waiting, []):
        page = Page(build_report(replace(data, runs=runs, predictions={}, samples={}, label_counts={}, test_counts={})))
        assert "No training run has finished yet" in page.text
        assert "There are no figures yet" in page.text
        assert "How this was measured" in page.text
        assert page.scripts == ""


def test_unfinished_and_failed_runs_are_left_out_of_all_figures() -> None:
    data = make_data()
    halves = {AGREED: RunStatus.RUNNING, REAL: RunStatus.FAILED}
    runs = [with_status(run, halves.get(run.variant, RunStatus.DONE), "Out of memory") for run in data.runs]
    page = Page(build_report(replace(data, runs=runs)))
    assert {row[0] for row in page.table(*POINTS)}.isdisjoint(NAMES[variant] for variant in halves)
    assert "Not every training run is done (20 running)" in page.text
    assert "130 training runs, 20 of them failed" in page.text
    failed = page.table("run", "variant", "texts", "RNG seed", "message")
    assert len(failed) == 20
    assert {(row[1], row[4]) for row in failed} == {("real texts", "Out of memory")}
    answer = headline([run for run in runs if run.variant not in halves], "macro_f1", data.names)
    assert answer.replace("\xa0", " ") in page.text


def test_one_rng_seed_gives_no_interval_and_no_p() -> None:
    data = make_data()
    page = Page(build_report(replace(data, runs=[run for run in data.runs if run.config.rng_seed == 0])))
    assert "Points with one RNG seed have no interval" in page.text
    assert {(row[4], row[5]) for row in page.table(*DIFFERENCES)} == {("–", "–")}
    assert all("(" not in row[2] for row in page.table(*POINTS))


def test_the_report_says_that_the_baseline_is_missing() -> None:
    data = make_data()
    page = Page(build_report(replace(data, runs=[run for run in data.runs if run.variant_id is not None])))
    assert "No run on the seeds only has finished" in page.text
    assert "Nothing can be compared yet" in page.text
    assert len(page.table(*POINTS)) == len(VARIANTS) * len(SIZES)


def test_the_report_says_that_there_is_only_the_baseline() -> None:
    data = make_data()
    page = Page(build_report(replace(data, runs=[run for run in data.runs if run.variant_id is None])))
    assert "there is only the baseline" in page.text
    assert "What review gained" not in page.text


# Hostile text and network requests -----------------------------------------------------------------------------------


def make_hostile_data() -> ReportData:
    """Data in which every string is hostile."""
    variants = [Variant(TextUse.RAW, (i,)) for i in range(3)]
    data = make_data(dict.fromkeys(variants, 0.1), {i: Writer(f"{HOSTILE} {i}") for i in range(3)}, HOSTILE)
    labels = (f"joy {HOSTILE}", "anger", "$title </style>")

    def rename(label: str) -> str:
        return labels[LABELS.index(label)]

    predictions = {
        (variants[0], 200): [
            replace(prediction, text=HOSTILE, truth=rename(prediction.truth), label=rename(prediction.label))
            for prediction in data.predictions[BEST]
        ]
    }
    return replace(
        data,
        task=replace(data.task, name=HOSTILE, source=HOSTILE, labels=labels),
        experiment=replace(data.experiment, name=HOSTILE),
        runs=[with_status(run, RunStatus.FAILED, HOSTILE) if run.id % 11 == 0 else run for run in data.runs],
        predictions=predictions,
        label_counts={variant: dict.fromkeys(labels, 3) for variant in variants[:2]},
        test_counts=dict.fromkeys(labels, 20),
    )


def test_hostile_text_is_shown_literally() -> None:
    report = build_report(make_hostile_data())
    page = Page(report)
    harmless = Page(build_report(replace(make_data(), predictions={BEST: make_data().predictions[BEST]})))
    assert set(page.tags) <= set(harmless.tags)
    assert HOSTILE in page.text
    assert "alert(1)" in page.scripts
    assert "<" not in page.scripts
    assert "<script>alert" not in report.replace(get_plotlyjs(), "")
    assert page.tags.count("script") == 1 + report.count("<figure")


def test_the_report_makes_no_network_requests() -> None:
    page = Page(build_report(make_hostile_data()))
    names = {name for name, _ in page.attributes}
    assert names.isdisjoint({"src", "href", "srcset", "action", "data", "poster", "background"})
    assert {"link", "img", "iframe", "form", "base", "object", "a"}.isdisjoint(page.tags)
    policy = next(value for _, value in page.attributes if value and value.startswith("default-src"))
    assert policy.startswith("default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:")
    assert "url(" not in STYLE_SHEET.read_text(encoding="utf-8")


# In a browser --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Seen:
    """What a browser shows of a report."""

    n_figures: int
    n_drawn: int
    n_traces: int
    hover: str
    width: int
    said: list[str]
    asked: list[str]


def open_report(file: Path, chromium: str, width: int) -> Seen:
    said: list[str] = []
    asked: list[str] = []
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        context = browser.new_context(viewport={"width": width, "height": 800}, offline=True, color_scheme="dark")
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", lambda dialog: said.append(dialog.message))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(file.as_uri())
        page.locator("#chart-labels .bars path").first.wait_for(state="attached")
        page.evaluate("Plotly.Fx.hover('chart-labels', [{curveNumber: 0, pointNumber: 0}])")
        seen = Seen(
            n_figures=page.locator("figure").count(),
            n_drawn=page.locator(".js-plotly-plot .cartesianlayer").count(),
            n_traces=page.locator("#chart-macro-f1 .scatterlayer .trace").count(),
            hover=page.locator("#chart-labels .hoverlayer").text_content() or "",
            width=page.evaluate("document.documentElement.scrollWidth"),
            said=said,
            asked=asked,
        )
        browser.close()
    return seen


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 400])
def test_a_browser_without_network_draws_every_chart(tmp_path: Path, width: int) -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("No chromium on this machine: apt-get install chromium.")
    file = tmp_path / "report.html"
    file.write_text(build_report(make_hostile_data()), encoding="utf-8")
    with ThreadPoolExecutor(1) as thread:  # other browser tests may use this thread's Playwright
        seen = thread.submit(open_report, file, chromium, width).result()
    assert seen.n_drawn == seen.n_figures == 4
    assert seen.n_traces > 3
    assert "<script>alert(1)</script> ![x](http://evil.example/x.png)" in seen.hover
    assert seen.width <= width
    assert seen.said == []
    assert seen.asked == [file.as_uri()]
