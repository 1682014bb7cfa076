"""How much memory a model needs, how much is free, and how to return it. Loads no weights."""

import ctypes
import gc
import importlib.util
import sys
from dataclasses import dataclass

import psutil

from augment.records import Quantisation

GIB = 1024**3
# Factor on top of the weights, for activations and the key-value cache of a batch.
HEADROOM = 1.15
# Bytes per weight: 8 bits, and 4 bits with scales (in blocks of 64).
QUANTISED_BYTES = {Quantisation.INT8: 1.0, Quantisation.INT4: 0.56}

# Parameters of the reference's LMs, from their model cards, so that the need is known before anything is downloaded.
KNOWN_PARAMETERS = {"EleutherAI/gpt-j-6b": 6_050_882_784, "EleutherAI/gpt-neo-2.7B": 2_651_307_520}


@dataclass(frozen=True, slots=True)
class MemoryNeed:
    """Bytes that a model needs, bytes that are free, and where."""

    needed: int
    free: int
    device: str

    @property
    def fits(self) -> bool:
        """Whether the model can be loaded now."""
        return self.needed <= self.free

    def __str__(self) -> str:
        return f"needs {self.needed / GIB:.1f} GiB; {self.free / GIB:.1f} GiB free on {self.device}"


def need_for(n_bytes: float, free: int, device: str) -> MemoryNeed:
    """The memory need of a model whose weights take `n_bytes`."""
    return MemoryNeed(int(n_bytes * HEADROOM), free, device)


def free_main_memory() -> int:
    """Bytes of main memory that are free now."""
    available: int = psutil.virtual_memory().available
    return available


def known_need(name: str, *, bytes_per_parameter: float = 2.0) -> MemoryNeed | None:
    """The memory need of one of the reference's LMs. Does not import torch; sees a GPU only if torch is loaded."""
    n_parameters = KNOWN_PARAMETERS.get(name)
    if n_parameters is None:
        return None
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        return need_for(n_parameters * bytes_per_parameter, torch.cuda.mem_get_info()[0], "cuda")
    return need_for(n_parameters * bytes_per_parameter, free_main_memory(), "this machine")


def can_quantise() -> bool:
    """Whether the library for 8-bit and 4-bit weights (bitsandbytes) is installed; imports nothing."""
    return importlib.util.find_spec("bitsandbytes") is not None


def give_back() -> None:
    """Return unused memory to the system: Python's garbage, CUDA's cache, the allocator's free pages."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
    trim_allocator()


def trim_allocator() -> None:
    """Return the allocator's free pages to the system; takes a few milliseconds. Does nothing without glibc.

    glibc keeps the freed memory of each thread in an arena: hundreds of MiB when pages run in many short-lived threads.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc only
        if trim is not None:
            trim(0)
