"""Label words of a task, as people edited them; none for tasks of before: theirs are proposed

Revision: 0009, after 0008. 2026-11-28 18:20:00
"""

import sqlalchemy as sa
from alembic import op


revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('task', sa.Column('label_knowledge', sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column('task', 'label_knowledge')
