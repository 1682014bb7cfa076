"""Read everything that an experiment's runs are trained and evaluated on."""

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from augment.records import ExperimentMaterial, LabelKnowledge, LabelledText, Split, TextUse, Variant
from augment.records.copies import normalise_text
from storage.codec import from_json
from storage.label_sources import read_opinions
from storage.schema import ExampleRow, ExperimentRow, SeedSetExampleRow
from storage.variants import real_texts, select_variants, texts_of


def read_material(session: Session, row: ExperimentRow) -> ExperimentMaterial:
    """The texts of an experiment: seeds, its variants' texts, validation and test examples.

    A label sentence that is also a validation or test text is left out.
    """
    variants = session.scalars(select_variants(row.id)).all()
    of_task = ExampleRow.task_id == row.task_id
    of_set = (
        select(ExampleRow)
        .join(SeedSetExampleRow, SeedSetExampleRow.example_id == ExampleRow.id)
        .where(SeedSetExampleRow.seed_set_id == row.seed_set_id)
        .order_by(SeedSetExampleRow.position)
    )
    seeds = session.scalars(of_set).all()
    specs = [from_json(Variant, variant.spec) for variant in variants]
    has_ceiling = any(spec.is_ceiling for spec in specs)
    has_consensus = any(spec.use is TextUse.CONSENSUS for spec in specs)
    validation = _labelled(session, of_task, ExampleRow.split == Split.VALIDATION)
    test = _labelled(session, of_task, ExampleRow.split == Split.TEST)
    held_out = {normalise_text(example.text) for example in (*validation, *test)}
    return ExperimentMaterial(
        seeds=tuple(LabelledText(seed.text, seed.label) for seed in seeds),
        texts={variant.id: texts_of(session, variant.id) for variant in variants},
        real=real_texts(session, row.seed_set_id) if has_ceiling else (),
        validation=validation,
        test=test,
        sentences=tuple(text for text in _sentences_of(row) if normalise_text(text.text) not in held_out),
        opinions=tuple(read_opinions(session, row.task_id)) if has_consensus else (),
        seed_ids=tuple(seed.id for seed in seeds),
    )


def _sentences_of(row: ExperimentRow) -> tuple[LabelledText, ...]:
    knowledge = row.config.get("label_knowledge")
    return from_json(LabelKnowledge, knowledge).sentences if knowledge else ()


def _labelled(session: Session, *conditions: ColumnElement[bool]) -> tuple[LabelledText, ...]:
    query = select(ExampleRow.text, ExampleRow.label).where(*conditions).order_by(ExampleRow.id)
    return tuple(LabelledText(text, label) for text, label in session.execute(query))
