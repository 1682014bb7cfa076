"""How many cores torch may use. Loads no library: it must be asked before torch is imported."""

import os


def leave_a_core() -> None:
    """Have torch use all cores but one, so that pages answer while a run is going.

    Call it before torch is imported. Threads that wait for each other on a busy core cost more than the core they leave
    (docs/LOG.md). OMP_NUM_THREADS in the environment takes precedence.
    """
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) - 1)))
