"""What a model needs in memory, and what is free. Loads no weights."""

from dataclasses import dataclass

import psutil

GIB = 1024**3
# Beside the weights: activations and the key-value cache of a batch, as a share of the weights.
HEADROOM = 1.15

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


def need_for(n_parameters: int, bytes_per_parameter: int, free: int, device: str) -> MemoryNeed:
    """The need of a model of `n_parameters` at the given width."""
    return MemoryNeed(int(n_parameters * bytes_per_parameter * HEADROOM), free, device)


def known_need(name: str) -> MemoryNeed | None:
    """The need of one of the reference's LMs at 16 bits on the CPU's memory, without importing torch."""
    n_parameters = KNOWN_PARAMETERS.get(name)
    return need_for(n_parameters, 2, psutil.virtual_memory().available, "this machine") if n_parameters else None
