"""Review steps: one action of one person with its events; texts get columns to sort and filter by

Every earlier review event becomes its own step. Texts get columns for their task, the LM's wording, their note, the
probabilities used for sorting, a position in the random order and their last event. `arm_text` keeps their wording.

Revision: 0004, after 0003. 2026-11-22 22:10:00
"""

import json
import random

import sqlalchemy as sa
from alembic import op


revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None

CHUNK = 2000


def upgrade() -> None:
    _create_steps()
    _rebuild_events()
    _extend_texts()
    with op.batch_alter_table('arm_text', schema=None) as batch_op:
        batch_op.add_column(sa.Column('text', sa.Text(), nullable=True))
    op.create_table('review_lease',
    sa.Column('text_id', sa.Integer(), nullable=False),
    sa.Column('holder', sa.String(length=64), nullable=False),
    sa.Column('expires_at', sa.DateTime(), nullable=False),
    sa.ForeignKeyConstraint(['text_id'], ['synthetic_text.id'], name=op.f('fk_review_lease_text_id_synthetic_text'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('text_id', name=op.f('pk_review_lease'))
    )
    op.create_index(op.f('ix_review_lease_holder'), 'review_lease', ['holder'], unique=False)


def _create_steps() -> None:
    op.create_table('review_step',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('task_id', sa.Integer(), nullable=False),
    sa.Column('action', sa.String(length=16), nullable=False),
    sa.Column('reviewer', sa.Text(), nullable=False),
    sa.Column('n_events', sa.Integer(), nullable=False),
    sa.Column('undoes_id', sa.Integer(), nullable=True),
    sa.Column('is_restored', sa.Boolean(), nullable=False),
    sa.Column('created_at', sa.DateTime(), nullable=False),
    sa.ForeignKeyConstraint(['task_id'], ['task.id'], name=op.f('fk_review_step_task_id_task'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['undoes_id'], ['review_step.id'], name=op.f('fk_review_step_undoes_id_review_step'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_review_step')),
    sa.UniqueConstraint('undoes_id', name=op.f('uq_review_step_undoes_id'))
    )
    op.create_index('ix_review_step_reviewer', 'review_step', ['task_id', 'reviewer', 'is_restored', 'id'], unique=False)
    op.execute(
        "INSERT INTO review_step (id, task_id, action, reviewer, n_events, undoes_id, is_restored, created_at) "
        "SELECT e.id, r.task_id, e.action, e.reviewer, 1, e.undoes_id, false, e.created_at FROM review_event e "
        "JOIN synthetic_text t ON t.id = e.text_id JOIN generation_run r ON r.id = t.run_id ORDER BY e.id"
    )


def _rebuild_events() -> None:
    # drop the old table first: PostgreSQL allows a constraint's name once per schema
    op.execute("CREATE TABLE review_event_old AS SELECT * FROM review_event")
    op.drop_table('review_event')
    op.create_table('review_event',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('step_id', sa.Integer(), nullable=False),
    sa.Column('text_id', sa.Integer(), nullable=False),
    sa.Column('label_before', sa.Text(), nullable=False),
    sa.Column('label_after', sa.Text(), nullable=False),
    sa.Column('status_before', sa.String(length=16), nullable=False),
    sa.Column('status_after', sa.String(length=16), nullable=False),
    sa.Column('text_before', sa.Text(), nullable=True),
    sa.Column('text_after', sa.Text(), nullable=True),
    sa.Column('note_before', sa.Text(), nullable=True),
    sa.Column('note_after', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['step_id'], ['review_step.id'], name=op.f('fk_review_event_step_id_review_step'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['text_id'], ['synthetic_text.id'], name=op.f('fk_review_event_text_id_synthetic_text'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_review_event'))
    )
    op.execute(
        "INSERT INTO review_event (id, step_id, text_id, label_before, label_after, status_before, status_after) "
        "SELECT id, id, text_id, label_before, label_after, status_before, status_after FROM review_event_old"
    )
    op.drop_table('review_event_old')
    if op.get_bind().dialect.name == 'postgresql':  # rows were inserted with their ids
        for table in ('review_step', 'review_event'):
            op.execute(
                f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))"  # noqa: S608
            )
    op.create_index(op.f('ix_review_event_text_id'), 'review_event', ['text_id'], unique=False)
    op.create_index(op.f('ix_review_event_step_id'), 'review_event', ['step_id'], unique=False)


def _extend_texts() -> None:
    with op.batch_alter_table('synthetic_text', schema=None) as batch_op:
        batch_op.add_column(sa.Column('task_id', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('proposed_text', sa.Text(), nullable=True))
        batch_op.add_column(sa.Column('note', sa.Text(), server_default='', nullable=False))
        batch_op.add_column(sa.Column('confidence', sa.Double(), nullable=True))
        batch_op.add_column(sa.Column('label_prob', sa.Double(), nullable=True))
        batch_op.add_column(sa.Column('shuffle', sa.Integer(), server_default='0', nullable=False))
        batch_op.add_column(sa.Column('last_event_id', sa.Integer(), nullable=True))
    op.execute(
        "UPDATE synthetic_text SET proposed_text = text, "
        "task_id = (SELECT r.task_id FROM generation_run r WHERE r.id = synthetic_text.run_id), "
        "last_event_id = (SELECT max(e.id) FROM review_event e WHERE e.text_id = synthetic_text.id)"
    )
    _fill_probabilities()
    with op.batch_alter_table('synthetic_text', schema=None) as batch_op:
        batch_op.alter_column('task_id', existing_type=sa.Integer(), nullable=False)
        batch_op.alter_column('proposed_text', existing_type=sa.Text(), nullable=False)
        batch_op.alter_column('note', existing_type=sa.Text(), server_default=None, nullable=False)
        batch_op.alter_column('shuffle', existing_type=sa.Integer(), server_default=None, nullable=False)
        batch_op.create_foreign_key(op.f('fk_synthetic_text_task_id_task'), 'task', ['task_id'], ['id'], ondelete='CASCADE')
    for name, columns in (
        ('ix_synthetic_text_task', ['task_id', 'id']),
        ('ix_synthetic_text_task_status', ['task_id', 'status', 'id']),
        ('ix_synthetic_text_task_label', ['task_id', 'label', 'status']),
        ('ix_synthetic_text_task_run', ['task_id', 'status', 'run_id', 'id']),
        ('ix_synthetic_text_shuffle', ['task_id', 'status', 'shuffle', 'id']),
    ):
        op.create_index(name, 'synthetic_text', columns, unique=False)
    for name in ('label_prob', 'confidence'):
        op.create_index(
            f'ix_synthetic_text_{name}', 'synthetic_text',
            ['task_id', 'status', sa.text(f'coalesce({name}, 2.0)'), 'id'], unique=False,
        )


def _fill_probabilities() -> None:
    connection = op.get_bind()
    labels = {
        row.id: json.loads(row.labels) if isinstance(row.labels, str) else row.labels
        for row in connection.execute(sa.text("SELECT id, labels FROM task"))
    }
    query = sa.text(
        "SELECT id, task_id, label, label_probs FROM synthetic_text WHERE id > :last ORDER BY id LIMIT :n"
    )
    change = sa.text(
        "UPDATE synthetic_text SET shuffle = :shuffle, confidence = :confidence, label_prob = :label_prob WHERE id = :id"
    )
    rng, last = random.Random(0), 0  # noqa: S311  an order, not a secret
    while rows := connection.execute(query, {"last": last, "n": CHUNK}).all():
        values = []
        for row in rows:
            probs = json.loads(row.label_probs) if isinstance(row.label_probs, str) else row.label_probs
            of_label = probs[labels[row.task_id].index(row.label)] if probs and row.label in labels[row.task_id] else None
            values.append(
                {
                    "id": row.id,
                    "shuffle": rng.getrandbits(31),
                    "confidence": max(probs) if probs else None,
                    "label_prob": of_label,
                }
            )
        connection.execute(change, values)
        last = rows[-1].id


def downgrade() -> None:
    raise NotImplementedError("Review steps of many texts do not fit into the earlier tables. Restore a copy instead.")
