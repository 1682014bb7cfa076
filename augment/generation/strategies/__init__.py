"""The registry of strategies: how texts are written and how their labels are decided. One file per strategy.

`augment.generation.strategies.strategy` defines a strategy. To add one, write a file with a `STRATEGY` and add it here.
The first is the one that pages and the default generation run start with.
"""

from collections.abc import Mapping

from augment.generation.strategies import conditional, eda, free, mix, word_templates
from augment.generation.strategies.strategy import Strategy

STRATEGIES: Mapping[str, Strategy] = {
    "conditional": conditional.STRATEGY,
    "mix": mix.STRATEGY,
    "free": free.STRATEGY,
    "templates": word_templates.STRATEGY,
    "eda": eda.STRATEGY,
}
