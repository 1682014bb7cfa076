"""What a model needs in memory, what is free, and how memory is given back. Loads no weights."""

import ctypes
import gc
import importlib.util
import sys
from dataclasses import dataclass

import psutil

from augment.records import Quantisation

GIB = 1024**3
# Beside the weights: activations and the key-value cache of a batch, as a share of the weights.
HEADROOM = 1.15
# Bytes a weight of 8 bits, and of 4 bits with their scales (a block of 64).
QUANTISED_BYTES = {Quantisation.INT8: 1.0, Quantisation.INT4: 0.56}

# Parameters of the reference's LMs, from their model cards, so that the figure stands before anything is downloaded.
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
        return f"needs {self.needed / GIB:.1f} GiB, {self.free / GIB:.1f} GiB free on {self.device}"


def need_for(n_bytes: float, free: int, device: str) -> MemoryNeed:
    """The need of a model whose weights take `n_bytes`."""
    return MemoryNeed(int(n_bytes * HEADROOM), free, device)


def free_main_memory() -> int:
    """Bytes of main memory that are free now."""
    available: int = psutil.virtual_memory().available
    return available


def known_need(name: str, *, bytes_per_parameter: float = 2.0) -> MemoryNeed | None:
    """The need of one of the reference's LMs, without importing torch: a GPU is seen once something else did."""
    n_parameters = KNOWN_PARAMETERS.get(name)
    if n_parameters is None:
        return None
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        return need_for(n_parameters * bytes_per_parameter, torch.cuda.mem_get_info()[0], "cuda")
    return need_for(n_parameters * bytes_per_parameter, free_main_memory(), "this machine")


def can_quantise() -> bool:
    """Whether the library that holds weights in 8 or 4 bits is installed; imports nothing."""
    return importlib.util.find_spec("bitsandbytes") is not None


def give_back() -> None:
    """Return what was freed to the system: Python's garbage, CUDA's cache, the allocator's free pages."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
    trim_allocator()


def trim_allocator() -> None:
    """Return the allocator's free pages to the system; a few milliseconds. Where it is not glibc's, nothing happens.

    Every thread frees into an arena of its own, which glibc keeps: hundreds of MiB beside pages that come and go.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc only
        if trim is not None:
            trim(0)
