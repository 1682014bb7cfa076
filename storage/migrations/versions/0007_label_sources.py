"""Label sources: opinions about labels that come from labelling runs and from files

Revision: 0007, after 0006. 2026-11-28 17:00:00
"""

import sqlalchemy as sa
from alembic import op


revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('label_source',
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('seed_set_id', sa.Integer(), nullable=True),
    sa.Column('config', sa.JSON(none_as_null=True), nullable=True),
    sa.Column('cost', sa.Double(), nullable=False),
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('task_id', sa.Integer(), nullable=False),
    sa.Column('status', sa.String(length=16), nullable=False),
    sa.Column('message', sa.Text(), nullable=False),
    sa.Column('n_done', sa.Integer(), nullable=False),
    sa.Column('n_total', sa.Integer(), nullable=False),
    sa.Column('elapsed_s', sa.Double(), nullable=False),
    sa.Column('worker', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(), nullable=False),
    sa.Column('started_at', sa.DateTime(), nullable=True),
    sa.Column('finished_at', sa.DateTime(), nullable=True),
    sa.Column('heartbeat_at', sa.DateTime(), nullable=True),
    sa.ForeignKeyConstraint(['seed_set_id'], ['seed_set.id'], name=op.f('fk_label_source_seed_set_id_seed_set')),
    sa.ForeignKeyConstraint(['task_id'], ['task.id'], name=op.f('fk_label_source_task_id_task'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_label_source'))
    )
    op.create_index(op.f('ix_label_source_status'), 'label_source', ['status'], unique=False)
    op.create_index(op.f('ix_label_source_task_id'), 'label_source', ['task_id'], unique=False)
    op.create_table('label_opinion',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('source_id', sa.Integer(), nullable=False),
    sa.Column('text_id', sa.Integer(), nullable=True),
    sa.Column('example_id', sa.Integer(), nullable=True),
    sa.Column('probs', sa.JSON(), nullable=False),
    sa.ForeignKeyConstraint(['example_id'], ['example.id'], name=op.f('fk_label_opinion_example_id_example'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['source_id'], ['label_source.id'], name=op.f('fk_label_opinion_source_id_label_source'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['text_id'], ['synthetic_text.id'], name=op.f('fk_label_opinion_text_id_synthetic_text'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_label_opinion')),
    sa.UniqueConstraint('source_id', 'example_id', name='uq_label_opinion_source_id_example_id'),
    sa.UniqueConstraint('source_id', 'text_id', name='uq_label_opinion_source_id_text_id')
    )
    op.create_index(op.f('ix_label_opinion_example_id'), 'label_opinion', ['example_id'], unique=False)
    op.create_index(op.f('ix_label_opinion_text_id'), 'label_opinion', ['text_id'], unique=False)


def downgrade() -> None:
    op.drop_table('label_opinion')
    op.drop_table('label_source')
