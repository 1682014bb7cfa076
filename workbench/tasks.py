"""Creates tasks and seed sets from data, and the example that a new user can try."""

from collections.abc import Sequence

from augment.data.draw_seeds import draw_seeds
from augment.data.prepare import DataChoice, prepare
from augment.data.read_files import read_starter
from augment.prompts.template import template_for
from augment.records import Example, LabelKnowledge, SeedSet, Split, Task
from augment.wording import plural
from workbench.bench import Workbench

EXAMPLE_LABELS = ("joy", "anger", "surprise")  # the reference notebook's
SEEDS_PER_LABEL = 10


def save_seeds(bench: Workbench, task_id: int, examples: Sequence[Example], *, rng_seed: int | None = None) -> SeedSet:
    """Store examples as a new seed set, named by their number and how they were drawn.

    Raises:
        StorageError: an example is not in the pool, or is chosen twice.
    """
    drawn = f", RNG seed {rng_seed}" if rng_seed is not None else ""
    name = plural(len(examples), "seed") + drawn
    return bench.store.tasks.create_seed_set(task_id, name, examples, rng_seed=rng_seed)


def create_example(bench: Workbench) -> Task:
    """A task from the starter set with 30 drawn seeds and the default prompt, ready to generate.

    Raises:
        AugmentError: it cannot be stored.
    """
    names = {label: label for label in EXAMPLE_LABELS}
    choice = DataChoice("text", "label", names, text_type="tweet", label_type="sentiment")
    task = bench.store.tasks.create(prepare(read_starter(), choice, name="Example", source="starter set"))
    pool = bench.store.tasks.examples(task.id, Split.POOL)
    save_seeds(bench, task.id, draw_seeds(pool, task.labels, SEEDS_PER_LABEL, rng_seed=0), rng_seed=0)
    bench.store.prompts.save(task.id, template_for(task))
    return task


def save_knowledge(bench: Workbench, task: Task, knowledge: LabelKnowledge | None) -> None:
    """Keep edited words, or with None go back to the proposed ones; consensus labels are computed again with them."""
    bench.store.tasks.save_label_knowledge(task.id, knowledge)
    bench.consensus.forget(task.id)
