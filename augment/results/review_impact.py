"""What review changed: how many proposed labels were right, by writer and label, and how far people agree. Pure.

Counts in, rows, sentences and a chart out; knows no store and no page. What review gained in training is
`augment.results.review_gains`; here it only gets its sentence.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import plotly.graph_objects as go

from augment.labels.agreement import Counts, Share, cohens_kappa, kappa_of_label, wilson_share
from augment.records import OutcomeCount, PairCount, TextUse
from augment.results.charts.counts import ACCENT, BASELINE_GREY, DARK_TEXT, LABEL_COLOURS, finish, plain, shorten
from augment.results.headlines import judge
from augment.results.review_gains import ReviewGain
from augment.results.variants import VariantNames
from augment.wording import METRICS, format_metric, percent, plural

REJECTED = ""  # what a rejected text counts as where labels are compared
LM, PEOPLE = "LM", "people"
N_CROWD = 4  # so many times more texts wait than are decided: their bars would hide the others
LONGEST_NAME = 40


@dataclass(frozen=True, slots=True)
class LabelOutcome:
    """What became of one writer's texts for which it proposed one label.

    `n_kept` counts those accepted under that label, `n_relabelled` those accepted under another one.
    """

    writer: str
    label: str
    n_waiting: int
    n_kept: int
    n_relabelled: int
    n_rejected: int

    @property
    def n_decided(self) -> int:
        """Texts that people decided on."""
        return self.n_kept + self.n_relabelled + self.n_rejected

    @property
    def precision(self) -> Share:
        """The share of the decided texts that kept the proposed label."""
        return wilson_share(self.n_kept, self.n_decided)


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far two raters agree on one label, on rejecting ('') or, where `label` is None, on all of these at once.

    Of the `n` texts that both decided on, at least one of them gave the label to `n_either` and both to `n_both`; over
    all labels, `n_both` are the texts on which they say the same. `kappa` is None if it is undefined.
    """

    first: str
    second: str
    label: str | None
    n: int
    n_either: int
    n_both: int
    kappa: float | None


# The LM's labels ------------------------------------------------------------------------------------------------------


def group_outcomes(
    counts: Sequence[OutcomeCount], writers: Mapping[int, str], labels: Sequence[str]
) -> list[LabelOutcome]:
    """Outcomes by writer, the one of the oldest run first, and by label in the task's order; `writers` is by run."""
    found: dict[tuple[str, str], LabelOutcome] = {}
    for count in sorted(counts, key=lambda count: count.run_id):
        key = writers[count.run_id], count.proposed_label
        outcome = LabelOutcome(*key, count.n_pending, count.n_kept, count.n_relabelled, count.n_rejected)
        found[key] = _add(found[key], outcome) if key in found else outcome
    order = list(dict.fromkeys(writer for writer, _ in found))
    places = {label: i for i, label in enumerate(labels)}
    return sorted(
        found.values(),
        key=lambda outcome: (order.index(outcome.writer), places.get(outcome.label, len(places)), outcome.label),
    )


def add_up(outcomes: Sequence[LabelOutcome]) -> LabelOutcome:
    """All outcomes in one, which has no writer and no label."""
    total = LabelOutcome("", "", 0, 0, 0, 0)
    for outcome in outcomes:
        total = _add(total, outcome)
    return total


def headline(outcomes: Sequence[LabelOutcome]) -> str:
    """'212 texts reviewed: 61% keep the proposed label (95% interval 54 to 67%), 30% were relabelled, 9% rejected'."""
    total = add_up(outcomes)
    if not total.n_decided:
        return "No text has been reviewed yet"
    kept = _describe(total.precision, "kept the proposed label")
    relabelled, rejected = (percent(n / total.n_decided) for n in (total.n_relabelled, total.n_rejected))
    return f"{plural(total.n_decided, 'text')} reviewed: {kept}, {relabelled} were relabelled, {rejected} rejected"


def describe_writers(outcomes: Sequence[LabelOutcome]) -> list[str]:
    """For each writer with reviewed texts: 'GPT-J: 61% of 120 texts kept the proposed label (95% interval …)'."""
    totals = [(writer, add_up(list(group))) for writer, group in groupby(outcomes, key=lambda outcome: outcome.writer)]
    return [
        f"{writer}: {_describe(total.precision, 'of ' + plural(total.n_decided, 'text') + ' kept the proposed label')}"
        for writer, total in totals
        if total.n_decided
    ]


def outcomes_table(outcomes: Sequence[LabelOutcome]) -> list[dict[str, str | int | float | None]]:
    """A row per writer and proposed label, for an export; shares from 0 to 1, None where nothing is decided."""
    rows: list[dict[str, str | int | float | None]] = []
    for outcome in outcomes:
        share = outcome.precision
        known = (share.share, share.low, share.high) if share.n else (None, None, None)
        rows.append(
            {
                "writer": outcome.writer,
                "proposed_label": outcome.label,
                "n_decided": outcome.n_decided,
                "n_as_proposed": outcome.n_kept,
                "n_relabelled": outcome.n_relabelled,
                "n_rejected": outcome.n_rejected,
                "n_waiting": outcome.n_waiting,
                **dict(zip(("precision", "low_95", "high_95"), known, strict=True)),
            }
        )
    return rows


def _add(outcome: LabelOutcome, other: LabelOutcome) -> LabelOutcome:
    return LabelOutcome(
        outcome.writer,
        outcome.label,
        outcome.n_waiting + other.n_waiting,
        outcome.n_kept + other.n_kept,
        outcome.n_relabelled + other.n_relabelled,
        outcome.n_rejected + other.n_rejected,
    )


def _describe(share: Share, what: str) -> str:
    return f"{percent(share.share)} {what} (95% interval {100 * share.low:.0f} to {percent(share.high)})"


# Agreement ------------------------------------------------------------------------------------------------------------


def agree_with_lm(counts: Counts, labels: Sequence[str]) -> list[Agreement]:
    """People against the LM, over all labels and for each, on the texts that people accepted."""
    return _agree(LM, PEOPLE, counts, labels)


def agree_in_pairs(pairs: Sequence[PairCount], labels: Sequence[str]) -> list[Agreement]:
    """Every two reviewers who decided on the same texts, most such texts first; rejecting is an answer too."""
    counts: dict[tuple[str, str], Counter[tuple[str, str]]] = {}
    for pair in pairs:
        of_pair = counts.setdefault((pair.first, pair.second), Counter())
        of_pair[pair.first_outcome, pair.second_outcome] += pair.n
    found = sorted(counts.items(), key=lambda item: (-item[1].total(), item[0]))
    return [row for (first, second), of_pair in found for row in _agree(first, second, of_pair, labels)]


def _agree(first: str, second: str, counts: Counts, labels: Sequence[str]) -> list[Agreement]:
    """One row over all labels, then one for each label that either of them gave."""
    n = sum(counts.values())
    if not n:
        return []
    n_same = sum(times for (first_outcome, second_outcome), times in counts.items() if first_outcome == second_outcome)
    rows = [Agreement(first, second, None, n, n, n_same, cohens_kappa(counts))]
    for label in (*labels, REJECTED):
        n_either = sum(times for given, times in counts.items() if label in given)
        if n_either:
            n_both = counts.get((label, label), 0)
            rows.append(Agreement(first, second, label, n, n_either, n_both, kappa_of_label(counts, label)))
    return rows


# Chart ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Part:
    """One outcome's name, its field and its colour: of the labels' colours the last ones, which few tasks use."""

    name: str
    field: str
    colour: str


PARTS = (
    _Part("as proposed", "n_kept", ACCENT),
    _Part("relabelled", "n_relabelled", LABEL_COLOURS[6]),
    _Part("rejected", "n_rejected", LABEL_COLOURS[4]),
    _Part("waiting", "n_waiting", BASELINE_GREY),
)


def worth_chart(outcomes: Sequence[LabelOutcome]) -> go.Figure:
    """A bar for each writer and proposed label: texts accepted as proposed, relabelled, rejected, or waiting.

    Where far more texts wait than are decided, these are hidden until their name in the legend is clicked.
    """
    total = add_up(outcomes)
    is_crowded = total.n_waiting > N_CROWD * total.n_decided
    shown = PARTS[:-1] if is_crowded else PARTS
    longest = max((sum(getattr(outcome, part.field) for part in shown) for outcome in outcomes), default=0)
    names, rows = _lay_out(outcomes)
    figure = go.Figure()
    for part in PARTS:
        values = [getattr(outcome, part.field) for outcome in outcomes]
        figure.add_bar(
            y=rows,
            x=values,
            orientation="h",
            name=part.name,
            marker_color=part.colour,
            visible="legendonly" if part not in shown else True,
            text=[f"{n:,}" if n >= 0.05 * longest and n else "" for n in values],
            textposition="inside",
            insidetextanchor="middle",
            textangle=0,
            insidetextfont={"color": DARK_TEXT},
            customdata=[
                [plain(outcome.writer), plain(outcome.label), _say_share(outcome, part)] for outcome in outcomes
            ],
            hovertemplate=(
                f"%{{customdata[0]}}<br>proposed %{{customdata[1]}}: %{{x:,}} {part.name}%{{customdata[2]}}"
                "<extra></extra>"
            ),
        )
    legend = {"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0, "traceorder": "normal"}
    figure.update_layout(barmode="stack", legend=legend, uniformtext={"mode": "hide", "minsize": 8})
    figure.update_xaxes(title="texts", rangemode="tozero")
    figure.update_yaxes(
        tickvals=list(range(len(names))), ticktext=names, range=[len(names) - 0.5, -0.5], showgrid=False, zeroline=False
    )
    return finish(figure, 110 + 38 * max(len(names), 1))


def _lay_out(outcomes: Sequence[LabelOutcome]) -> tuple[list[str], list[int]]:
    """The names down the chart's left side, a writer's above its labels, and each outcome's place among them."""
    names: list[str] = []
    rows: list[int] = []
    for writer, group in groupby(outcomes, key=lambda outcome: outcome.writer):
        names.append(f"<b>{plain(shorten(writer, LONGEST_NAME))}</b>")
        for outcome in group:
            rows.append(len(names))
            names.append(plain(shorten(outcome.label, LONGEST_NAME)))
    return names, rows


def _say_share(outcome: LabelOutcome, part: _Part) -> str:
    """', 61% of 120 decided'; nothing of what waits."""
    if part.field == "n_waiting" or not outcome.n_decided:
        return ""
    return f", {percent(getattr(outcome, part.field) / outcome.n_decided)} of {outcome.n_decided:,} decided"


# What it gained -------------------------------------------------------------------------------------------------------


def describe_gain(gain: ReviewGain, metric: str, names: VariantNames) -> str:
    """'GPT-J, 200 texts each: macro-F1 0.54 raw, 0.71 relabelled. Relabelled is better than raw, …', and how sure.

    Uses that share another size with raw follow with that size.
    """
    sentences = []
    for size in gain.sizes:
        pairs = gain.at(size)
        figures = [f"{format_metric(metric, pairs[0].raw.mean)} {TextUse.RAW.value}"]
        figures += [f"{format_metric(metric, pair.reviewed.mean)} {pair.use.value}" for pair in pairs]
        same = " (the same texts)" if all(pair.has_same_texts for pair in pairs) else ""
        sentences.append(f"{plural(size, 'text')} each{same}: {METRICS[metric]} {', '.join(figures)}.")
        sentences += [
            f"{pair.use.value.capitalize()} is {judge(pair.over_raw, TextUse.RAW.value, metric)}."
            for pair in pairs
            if pair.over_raw
        ]
    return f"{names.sources[gain.variant]}, {' '.join(sentences)}"


def explain_gains(gains: Sequence[ReviewGain]) -> str:
    """What the chart's intervals cover, and those of the differences that `describe_gain` names."""
    differences = [pair.over_raw for gain in gains for pair in gain.pairs if pair.over_raw]
    by_texts = [difference for difference in differences if difference.n_texts]
    ways = []
    if by_texts:
        has_seeds = any(difference.interval.n > 1 for difference in by_texts)
        ways.append(f"a bootstrap over test texts{' and RNG seeds' if has_seeds else ''}")
    if any(not difference.n_texts and difference.interval.n > 1 for difference in differences):
        ways.append(f"a paired t-test over RNG seeds{', where runs stored no predictions' if ways else ''}")
    sentence = f" The intervals and p of differences are from {' or '.join(ways)}." if ways else ""
    return f"Whiskers on the chart are 95% intervals of each score over RNG seeds.{sentence}"
