"""Consensus labels: variants whose texts get their label from several sources

A text of a variant gets the consensus distribution, and whether a person had decided its label when the experiment was
created. Texts of older experiments count as undecided: no variant of theirs uses consensus labels.

Revision: 0006, after 0005. 2026-11-28 14:00:00
"""

import sqlalchemy as sa
from alembic import op


revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('variant', sa.Column('is_labelled', sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column('variant_text', sa.Column('probs', sa.JSON(), nullable=True))
    op.add_column('variant_text', sa.Column('is_decided', sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    op.drop_column('variant_text', 'is_decided')
    op.drop_column('variant_text', 'probs')
    op.drop_column('variant', 'is_labelled')
