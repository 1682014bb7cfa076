"""How many cores torch may use. Loads no library, because it must be called before torch is imported."""

import os


def leave_a_core() -> None:
    """Make torch use all cores but one, so that pages respond during a run.

    Call it before torch is imported. Threads that wait for a busy core cost more than the core that is left free
    (docs/LOG.md). OMP_NUM_THREADS in the environment takes precedence.
    """
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) - 1)))
