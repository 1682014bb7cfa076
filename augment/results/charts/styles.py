"""How an arm looks on every chart: colour tells the texts, dash and symbol the kind of classifier.

An arm keeps its look whatever else is drawn. What is compared against is grey, the ceiling brown.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from augment.records import ClassifierKind
from augment.results.charts.counts import BASELINE_GREY
from augment.results.variants import REAL_TEXTS, name_baseline, split_kind

# Okabe & Ito 2008 without black; blue is lighter, yellow darker, to read on dark and on light; violet is added.
ARM_COLOURS = ("#1C80C4", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#B8A800", "#8561C5")
SYMBOLS = ("circle", "square", "diamond", "triangle-up")  # one a cycle of the colours
CEILING_COLOUR = "#8A6F5C"


@dataclass(frozen=True, slots=True)
class ArmStyle:
    """How an arm's line looks on every chart: a hex colour, Plotly's dash and symbol."""

    colour: str
    dash: str
    symbol: str


# Colour tells the texts; dash and symbol tell the classifier.
BASELINE_DASHES = {
    ClassifierKind.FINE_TUNED: "dash",
    ClassifierKind.PROBE: "dashdot",
    ClassifierKind.CONTRASTIVE: "longdash",
}
DASHES = {ClassifierKind.PROBE: "dot", ClassifierKind.CONTRASTIVE: "dash"}
SYMBOL_ENDINGS = {
    ClassifierKind.FINE_TUNED: "",
    ClassifierKind.PROBE: "-open",
    ClassifierKind.CONTRASTIVE: "-dot",
}


def arm_styles(arms: Sequence[str]) -> dict[str, ArmStyle]:
    """A fixed look for each arm, by the order of the task's arms, and for both baselines.

    Later arms never change the looks of earlier ones.
    """
    baselines = {name_baseline(kind): dash for kind, dash in BASELINE_DASHES.items()}
    styles = {arm: ArmStyle(BASELINE_GREY, dash, _symbol(arm, "circle")) for arm, dash in baselines.items()}
    texts = dict.fromkeys(split_kind(arm)[0] for arm in arms if arm not in baselines)
    places = {one: i for i, one in enumerate(one for one in texts if not one.startswith(REAL_TEXTS))}
    for arm in dict.fromkeys(arms):
        if arm in baselines:
            continue
        place = places.get(split_kind(arm)[0])
        if place is None:
            styles[arm] = ArmStyle(CEILING_COLOUR, _dash(arm, "longdashdot"), _symbol(arm, "star"))
        else:
            cycle, colour = divmod(place, len(ARM_COLOURS))
            symbol = _symbol(arm, SYMBOLS[cycle % len(SYMBOLS)])
            styles[arm] = ArmStyle(ARM_COLOURS[colour], _dash(arm, "solid"), symbol)
    return styles


def _symbol(arm: str, symbol: str) -> str:
    return symbol + SYMBOL_ENDINGS[split_kind(arm)[1]]


def _dash(arm: str, of_fine_tuned: str) -> str:
    return DASHES.get(split_kind(arm)[1], of_fine_tuned)
