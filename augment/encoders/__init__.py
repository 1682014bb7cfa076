"""The encoders used by classifiers and to compare texts. Importing this module loads no library.

`embed_texts` imports torch when it is first called. Training imports `augment.encoders.frozen` directly.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from augment.hardware.imports import importing_alone


def embed_texts(texts: Sequence[str]) -> NDArray[np.float32]:
    """One unit vector per text by the embedded encoder, (len(texts), 384); dot products are cosine similarities.

    Raises:
        TrainingError: the embedded encoder is not installed.
    """
    with importing_alone:
        from augment.encoders.similarity import embed  # loads torch and transformers

    return embed(texts)
