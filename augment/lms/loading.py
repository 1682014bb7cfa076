"""Load any causal LM of transformers (hub name, local folder or GGUF file) onto CUDA, MPS or CPU, quantised or not.

Whether a model fits into memory is checked before its weights are read.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from huggingface_hub.errors import StrictDataclassError
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig, GgufConfig
from transformers.utils import logging

from augment.errors import LMError
from augment.hardware.devices import best_device, fastest_dtype, free_memory
from augment.hardware.memory import QUANTISED_BYTES, MemoryNeed, can_quantise, need_for
from augment.lms.local import LocalLM
from augment.lms.unpack import unpack_embedded_lm
from augment.records import LMKind, LMSpec, Quantisation


@dataclass(frozen=True, slots=True)
class _Source:
    """A model's location and options for `from_pretrained`, and its size."""

    place: str
    options: dict[str, Any]
    n_parameters: int
    n_quantisable: int  # those in linear layers other than the head


def load_local(spec: LMSpec) -> LocalLM:
    """Load the embedded LM, a hub name, a folder or a .gguf file onto the best available device.

    Raises:
        LMError: there is no such model, it is not a causal LM, or it does not fit into memory.
    """
    source, device = _find(spec), best_device()
    dtype = fastest_dtype(device)
    need = _need(spec, source, device, dtype)
    if not need.fits:
        raise LMError(f"'{spec.name}' {need}. Choose a smaller LM or fewer bits, free memory, or use an endpoint.")
    options = source.options | _quantised(spec, device, dtype)
    try:
        tokenizer = AutoTokenizer.from_pretrained(source.place, **source.options)
        model = AutoModelForCausalLM.from_pretrained(source.place, dtype=dtype, **options)
        if "device_map" not in options:
            model = model.to(device)
    except torch.OutOfMemoryError as error:
        raise LMError(f"'{spec.name}' does not fit into the memory of {device}. Choose a smaller LM.") from error
    except (OSError, ValueError, KeyError) as error:
        raise _not_loaded(spec, error) from error
    return LocalLM(spec.name, model, tokenizer)


def measure_local(spec: LMSpec) -> MemoryNeed:
    """The memory that a model needs and that is free, from its config alone.

    Raises:
        LMError: there is no such model, or it is not a causal LM.
    """
    device = best_device()
    return _need(spec, _find(spec), device, fastest_dtype(device))


def _find(spec: LMSpec) -> _Source:
    logging.disable_progress_bar()
    place, options = _locate(spec)
    try:
        config = AutoConfig.from_pretrained(place, **options)
        with torch.device("meta"):  # shapes only
            model = AutoModelForCausalLM.from_config(config)
    except (OSError, ValueError, KeyError, TypeError, ArithmeticError, StrictDataclassError) as error:
        raise _not_loaded(spec, error) from error
    head = model.get_output_embeddings()
    layers = [layer for layer in model.modules() if isinstance(layer, torch.nn.Linear) and layer is not head]
    n_parameters = sum(parameter.numel() for parameter in model.parameters())
    return _Source(place, options, n_parameters, sum(layer.weight.numel() for layer in layers))


def _need(spec: LMSpec, source: _Source, device: str, dtype: torch.dtype) -> MemoryNeed:
    width = QUANTISED_BYTES.get(spec.quantisation, float(dtype.itemsize))
    n_bytes = source.n_quantisable * width + (source.n_parameters - source.n_quantisable) * dtype.itemsize
    return need_for(n_bytes, free_memory(device), device)


def _quantised(spec: LMSpec, device: str, dtype: torch.dtype) -> dict[str, Any]:
    """Options that quantise while loading, or that unpack a GGUF file to dense weights."""
    is_gguf = spec.name.endswith(".gguf")
    if spec.quantisation is Quantisation.NONE:
        if is_gguf:  # dense weights in our dtype: packed weights are cast at every product
            return {"quantization_config": GgufConfig(dequantize=True)}
        return {"device_map": {"": device}} if device == "cuda" else {}  # directly, not through main memory
    if is_gguf:
        raise LMError(f"A GGUF file is quantised already. Load '{spec.name}' without further quantisation.")
    if device == "mps" or not can_quantise():
        raise LMError(
            f"{spec.quantisation} weights need the library bitsandbytes and CUDA or a CPU; this device is {device}. "
            "Run `pip install bitsandbytes`, or load the LM without quantisation."
        )
    if spec.quantisation is Quantisation.INT8:
        config = BitsAndBytesConfig(load_in_8bit=True)
    else:  # NormalFloat, Dettmers et al. 2023 (arXiv 2305.14314)
        config = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=dtype)
    return {"quantization_config": config, "device_map": {"": device}}


def _not_loaded(spec: LMSpec, error: Exception) -> LMError:
    """The error for a model that does not exist, cannot be reached, or is not a causal LM."""
    reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
    return LMError(
        f"No language model '{spec.name}' could be loaded. Expected a hub name such as EleutherAI/gpt-neo-2.7B, a "
        f"folder with a causal LM, or a .gguf file. transformers reports: {reason}"
    )


def _locate(spec: LMSpec) -> tuple[str, dict[str, Any]]:
    """The model's location for `from_pretrained`, and its options."""
    if spec.kind is LMKind.EMBEDDED:
        return str(unpack_embedded_lm(spec.name)), {}
    path = Path(spec.name).expanduser()
    if path.suffix == ".gguf":
        if not path.is_file():
            raise LMError(f"There is no GGUF file '{spec.name}'. Expected the path of a .gguf file on this machine.")
        return str(path.parent), {"gguf_file": path.name}
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise LMError(f"The folder '{spec.name}' has no config.json. Expected a folder that save_pretrained wrote.")
        return str(path), {}
    if path.is_absolute() or spec.name.count("/") > 1:
        raise LMError(
            f"There is no folder '{spec.name}' on this machine. Expected a folder or a hub name 'owner/model'."
        )
    return spec.name, {}
