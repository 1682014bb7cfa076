"""The consensus of a task: its versions, and the current consensus of each text

Revision: 0008, after 0007. 2026-11-28 17:22:00
"""

import sqlalchemy as sa
from alembic import op


revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('consensus_version',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('task_id', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(), nullable=False),
    sa.Column('seed_set_id', sa.Integer(), nullable=False),
    sa.Column('n_decisions', sa.Integer(), nullable=False),
    sa.Column('last_event_id', sa.Integer(), nullable=False),
    sa.Column('n_opinions', sa.Integer(), nullable=False),
    sa.Column('last_opinion_id', sa.Integer(), nullable=False),
    sa.Column('weights', sa.JSON(), nullable=False),
    sa.ForeignKeyConstraint(['seed_set_id'], ['seed_set.id'], name=op.f('fk_consensus_version_seed_set_id_seed_set'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['task_id'], ['task.id'], name=op.f('fk_consensus_version_task_id_task'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_consensus_version'))
    )
    op.create_index(op.f('ix_consensus_version_task_id'), 'consensus_version', ['task_id'], unique=False)
    op.create_table('text_consensus',
    sa.Column('text_id', sa.Integer(), nullable=False),
    sa.Column('version_id', sa.Integer(), nullable=False),
    sa.Column('label', sa.Text(), nullable=False),
    sa.Column('prob', sa.Double(), nullable=False),
    sa.Column('probs', sa.JSON(), nullable=False),
    sa.Column('opinions', sa.JSON(), nullable=False),
    sa.ForeignKeyConstraint(['text_id'], ['synthetic_text.id'], name=op.f('fk_text_consensus_text_id_synthetic_text'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['version_id'], ['consensus_version.id'], name=op.f('fk_text_consensus_version_id_consensus_version'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('text_id', name=op.f('pk_text_consensus'))
    )
    op.create_index(op.f('ix_text_consensus_version_id'), 'text_consensus', ['version_id'], unique=False)


def downgrade() -> None:
    op.drop_table('text_consensus')
    op.drop_table('consensus_version')
