"""The registry of strategies: how texts are asked for and how their labels are decided. One file per strategy.

`augment.generation.strategies.strategy` says what a strategy is. A new one is a file with a `STRATEGY` and a line here.
"""

from collections.abc import Mapping

from augment.generation.strategies import conditional, eda, free, mix, word_templates
from augment.generation.strategies.strategy import Strategy

STRATEGIES: Mapping[str, Strategy] = {
    "mix": mix.STRATEGY,
    "free": free.STRATEGY,
    "conditional": conditional.STRATEGY,
    "templates": word_templates.STRATEGY,
    "eda": eda.STRATEGY,
}
