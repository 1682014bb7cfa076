"""What a line on a chart is called: which synthetic texts a classifier was trained on. Pure."""

from collections.abc import Sequence

from augment.records import TextUse

SEEDS_ONLY = "seeds only"


def name_arm(lm_names: Sequence[str], use: TextUse) -> str:
    """'GPT-J · raw', 'SmolLM2-135M-Instruct · accepted', or 'seeds only' without synthetic texts."""
    if use is TextUse.NONE or not lm_names:
        return SEEDS_ONLY
    return f"{' + '.join(sorted(set(lm_names)))} · {use}"
