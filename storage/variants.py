"""Select the texts of a variant, and freeze them when an experiment is created."""

from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement, Select, exists, func, insert, literal, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from augment.records import (
    ConsensusLabel,
    ExperimentVariant,
    LabelledText,
    ReviewStatus,
    Split,
    TextUse,
    Variant,
    VariantText,
)
from storage.codec import from_json, to_json
from storage.schema import (
    ExampleRow,
    ExperimentRow,
    GenerationRunRow,
    SeedSetExampleRow,
    SeedSetRow,
    SyntheticTextRow,
    VariantRow,
    VariantTextRow,
)
from storage.text_rows import is_judged

CHUNK = 500  # SQLite allows at least this many parameters per statement


def count_texts(session: Session, variant: Variant, seed_set_id: int) -> int:
    """How many texts the variant would have now with that seed set, before filters that need a classifier."""
    if not variant.has_texts:
        return 0
    label, conditions = _find(variant, seed_set_id)
    counts = session.scalars(select(func.count()).where(*conditions).group_by(label)).all()
    return variant.filter.count_drawable(counts)


def freeze(session: Session, experiment: ExperimentRow, position: int, variant: Variant) -> VariantRow:
    """Store a variant of a new experiment, with its current texts and labels."""
    of_runs = SyntheticTextRow.run_id.in_(variant.generation_run_ids)
    is_decided = SyntheticTextRow.status != ReviewStatus.PENDING
    n_decisions = session.scalar(select(func.count()).where(of_runs, is_decided)) or 0
    spec = to_json(variant)
    row = VariantRow(experiment_id=experiment.id, position=position, spec=spec, n_texts=0, n_decisions=n_decisions)
    session.add(row)
    session.flush()
    if not variant.has_texts:
        return row
    label, conditions = _find(variant, experiment.seed_set_id)
    row.n_texts = session.scalar(select(func.count()).where(*conditions)) or 0
    if not variant.is_ceiling:
        text = SyntheticTextRow.proposed_text if variant.use in (TextUse.RAW, TextUse.SOFT) else SyntheticTextRow.text
        is_accepted = SyntheticTextRow.status == ReviewStatus.ACCEPTED
        columns = literal(row.id), SyntheticTextRow.id, label, text, literal(value=False), is_accepted
        names = ["variant_id", "text_id", "label", "text", "is_dropped", "is_decided"]
        session.execute(insert(VariantTextRow).from_select(names, select(*columns).where(*conditions)))
    return row


def count_drawable(session: Session, row: VariantRow, seed_set_id: int) -> int:
    """The number of texts that a run can draw from a variant: after its filter, equally many per label if balanced."""
    variant = from_json(Variant, row.spec)
    if not variant.is_synthetic:
        return count_texts(session, variant, seed_set_id)
    is_kept = (VariantTextRow.variant_id == row.id, VariantTextRow.is_dropped.is_(False))
    counts = session.scalars(select(func.count()).where(*is_kept).group_by(VariantTextRow.label)).all()
    return variant.filter.count_drawable(counts)


def drop_texts(session: Session, row: VariantRow, text_ids: Sequence[int]) -> None:
    """Mark exactly these texts of a variant as dropped by its filter."""
    of_variant = VariantTextRow.variant_id == row.id
    session.execute(update(VariantTextRow).where(of_variant).values(is_dropped=False))
    for start in range(0, len(text_ids), CHUNK):
        is_in_chunk = VariantTextRow.text_id.in_(text_ids[start : start + CHUNK])
        session.execute(update(VariantTextRow).where(of_variant, is_in_chunk).values(is_dropped=True))
    row.n_dropped = len(text_ids)
    session.flush()


def label_texts(session: Session, row: VariantRow, labels: Mapping[int, ConsensusLabel]) -> None:
    """Store the consensus labels of a variant's texts, by the text's id."""
    changes = [
        {"variant_id": row.id, "text_id": text_id, "label": consensus.label, "probs": list(consensus.probs)}
        for text_id, consensus in labels.items()
    ]
    session.execute(update(VariantTextRow), changes)
    row.is_labelled = True
    session.flush()


def texts_of(
    session: Session, variant_id: int, *, limit: int | None = None, includes_dropped: bool = False
) -> tuple[VariantText, ...]:
    """The synthetic texts of a variant, after its filter or including what that left out."""
    query = (
        select(
            SyntheticTextRow.id,
            func.coalesce(VariantTextRow.text, SyntheticTextRow.text),
            VariantTextRow.label,
            func.coalesce(VariantTextRow.probs, SyntheticTextRow.label_probs),
            SyntheticTextRow.proposed_label,
            VariantTextRow.is_decided,
            SyntheticTextRow.label_probs,
            is_judged(),
        )
        .join(VariantTextRow, VariantTextRow.text_id == SyntheticTextRow.id)
        .join(GenerationRunRow, GenerationRunRow.id == SyntheticTextRow.run_id)
        .where(VariantTextRow.variant_id == variant_id)
        .order_by(SyntheticTextRow.number, SyntheticTextRow.run_id)
        .limit(limit)
    )
    if not includes_dropped:
        query = query.where(VariantTextRow.is_dropped.is_(False))
    return tuple(
        VariantText(text_id, text, label, _probs(probs), proposed_label, is_decided, _probs(lm_probs), bool(judged))
        for text_id, text, label, probs, proposed_label, is_decided, lm_probs, judged in session.execute(query)
    )


def _probs(stored: Sequence[float] | None) -> tuple[float, ...] | None:
    return tuple(stored) if stored else None


def real_texts(session: Session, seed_set_id: int) -> tuple[LabelledText, ...]:
    """The real texts that a ceiling may add to that seed set."""
    query = select(ExampleRow.text, ExampleRow.label).where(*_is_real(seed_set_id)).order_by(ExampleRow.id)
    return tuple(LabelledText(text, label) for text, label in session.execute(query))


def select_variants(experiment_id: int) -> Select[VariantRow]:
    """An experiment's variants, in the order of its config."""
    return select(VariantRow).where(VariantRow.experiment_id == experiment_id).order_by(VariantRow.position)


def to_variant(row: VariantRow) -> ExperimentVariant:
    """A variant as a record."""
    variant = from_json(Variant, row.spec)
    return ExperimentVariant(row.id, variant, row.n_texts, row.n_dropped, row.n_decisions, row.is_labelled)


def _find(variant: Variant, seed_set_id: int) -> tuple[InstrumentedAttribute[str], list[ColumnElement[bool]]]:
    """The label column of a variant's texts, and the conditions that select them."""
    if variant.is_ceiling:
        return ExampleRow.label, _is_real(seed_set_id)
    is_corrected = variant.use in (TextUse.REVIEWED, TextUse.RELABELLED, TextUse.CONSENSUS)
    label = SyntheticTextRow.label if is_corrected else SyntheticTextRow.proposed_label
    return label, _belongs(variant, seed_set_id)


def _belongs(variant: Variant, seed_set_id: int) -> list[ColumnElement[bool]]:
    """The conditions for a variant's synthetic texts, without texts that became seeds (as edited or as written).

    Copies of real seeds are not excluded: the checks of a run reject them, and imported texts are used as they are.
    """
    seeds = _seed_texts(seed_set_id, Split.WRITTEN)
    conditions: list[ColumnElement[bool]] = [
        SyntheticTextRow.run_id.in_(variant.generation_run_ids),
        SyntheticTextRow.text.not_in(seeds),
        SyntheticTextRow.proposed_text.not_in(seeds),
    ]
    if variant.use is TextUse.ACCEPTED:
        conditions.append(SyntheticTextRow.status == ReviewStatus.ACCEPTED)
        conditions.append(SyntheticTextRow.label == SyntheticTextRow.proposed_label)
    elif variant.use is TextUse.REVIEWED:
        conditions.append(SyntheticTextRow.status == ReviewStatus.ACCEPTED)
    elif variant.use in (TextUse.RELABELLED, TextUse.CONSENSUS):
        conditions.append(SyntheticTextRow.status != ReviewStatus.REJECTED)
    elif variant.use is TextUse.SOFT:
        other = aliased(SyntheticTextRow)
        has_probs = (other.run_id.in_(variant.generation_run_ids), other.label_probs.is_not(None))
        conditions.append(exists().where(*has_probs))
    return conditions


def _is_real(seed_set_id: int) -> list[ColumnElement[bool]]:
    """Pool examples of the seed set's task that are not among its seeds."""
    task_id = select(SeedSetRow.task_id).where(SeedSetRow.id == seed_set_id).scalar_subquery()
    is_no_seed = ExampleRow.text.not_in(_seed_texts(seed_set_id, *Split))
    return [ExampleRow.task_id == task_id, ExampleRow.split == Split.POOL, is_no_seed]


def _seed_texts(seed_set_id: int, *splits: Split) -> Select[str]:
    """Texts of the seeds of some splits."""
    seed = aliased(ExampleRow)
    return (
        select(seed.text)
        .join(SeedSetExampleRow, SeedSetExampleRow.example_id == seed.id)
        .where(SeedSetExampleRow.seed_set_id == seed_set_id, seed.split.in_(splits))
    )
