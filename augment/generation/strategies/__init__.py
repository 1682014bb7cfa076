"""The registry of strategies: how texts are written and how their labels are decided. One file per strategy.

`augment.generation.strategies.strategy` defines a strategy. To add one, write a file with a `STRATEGY` and add it here.
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
