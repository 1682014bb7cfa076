"""How a variant looks on every chart: colour for its texts, dash and symbol for the kind of classifier.

A variant keeps its look whatever else is drawn. Baselines are grey, label sentences alone slate, ceilings are brown.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from augment.records import ClassifierKind, Variant
from augment.results.charts.counts import BASELINE_GREY

# Okabe & Ito 2008 without black; blue is lighter, yellow darker, to read on dark and on light; violet is added.
VARIANT_COLOURS = ("#1C80C4", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#B8A800", "#8561C5")
SYMBOLS = ("circle", "square", "diamond", "triangle-up")  # one per cycle of the colours
CEILING_COLOUR = "#8A6F5C"
CEILING_LOOKS = (("longdashdot", "star"), ("12px,3px", "hexagram"), ("15px,5px,3px,5px,3px,5px", "star-diamond"))
SENTENCES_COLOUR = "#6F86A0"  # a second reference line, bluer than the baseline


@dataclass(frozen=True, slots=True)
class VariantStyle:
    """How a variant's line looks on every chart: a hex colour, Plotly's dash and symbol."""

    colour: str
    dash: str
    symbol: str


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


def variant_styles(variants: Iterable[Variant]) -> dict[Variant, VariantStyle]:
    """A fixed look for each variant, by the order of the task's variants, and for the baseline of every kind.

    Later variants never change the looks of earlier ones.
    """
    given = [variant for variant in dict.fromkeys(variants) if not variant.is_baseline]
    texts = dict.fromkeys(variant.texts for variant in given if variant.is_synthetic)
    ceilings = list(dict.fromkeys(variant.texts for variant in given if variant.is_ceiling))
    places = {variant: i for i, variant in enumerate(texts)}
    styles = {Variant(kind=kind): _baseline_style(kind) for kind in ClassifierKind}
    for variant in given:
        if variant.is_ceiling:
            dash, symbol = CEILING_LOOKS[ceilings.index(variant.texts) % len(CEILING_LOOKS)]
            colour = CEILING_COLOUR
        elif not variant.has_texts:
            colour, dash, symbol = SENTENCES_COLOUR, BASELINE_DASHES[variant.kind], "hexagon"
        else:
            cycle, place = divmod(places[variant.texts], len(VARIANT_COLOURS))
            colour, dash, symbol = VARIANT_COLOURS[place], "solid", SYMBOLS[cycle % len(SYMBOLS)]
        dash = DASHES.get(variant.kind, dash) if variant.has_texts else dash
        styles[variant] = VariantStyle(colour, dash, symbol + SYMBOL_ENDINGS[variant.kind])
    return styles


def _baseline_style(kind: ClassifierKind) -> VariantStyle:
    return VariantStyle(BASELINE_GREY, BASELINE_DASHES[kind], "circle" + SYMBOL_ENDINGS[kind])
