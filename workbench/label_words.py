"""The words and sentences for a task's labels: as people edited them on the Prompt page, else as proposed."""

from augment.labels.knowledge import is_telling, propose_knowledge
from augment.records import LabelKnowledge, Task
from storage import Store


def find_knowledge(store: Store, task: Task, *, is_quick: bool = False) -> LabelKnowledge | None:
    """The task's label knowledge; None where nobody has edited any and the labels' names say nothing.

    If quick, no words are looked up in WordNet, which takes seconds.

    Raises:
        TrainingError: the embedded encoder is not installed.
        DataError: WordNet is not installed.
    """
    saved = store.tasks.label_knowledge(task.id)
    if saved is not None or not all(map(is_telling, task.labels)):
        return saved
    return propose_knowledge(task.labels, text_type=task.text_type, label_type=task.label_type, is_quick=is_quick)
