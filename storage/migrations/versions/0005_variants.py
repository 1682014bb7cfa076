"""Variants: a line of the learning curve is defined by a record instead of a name

The tables `arm` and `arm_text` become `variant` and `variant_text`. A variant's spec moves out of the experiment's config
into its own row. The names are dropped, since they are rendered from the spec. Experiments that 0003 made from single
runs are marked; their accepted texts included relabelled texts, which is what "reviewed" means today.

Revision: 0005, after 0004. 2026-11-25 21:50:00
"""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op


revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None

GATHERED = 'Earlier runs'  # the name of the experiments that 0003 made; no others had a name then


def upgrade() -> None:
    op.create_table('variant',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('experiment_id', sa.Integer(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('spec', sa.JSON(), nullable=False),
    sa.Column('n_texts', sa.Integer(), nullable=False),
    sa.Column('n_dropped', sa.Integer(), nullable=True),
    sa.Column('n_decisions', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['experiment_id'], ['experiment.id'], name=op.f('fk_variant_experiment_id_experiment'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_variant')),
    sa.UniqueConstraint('experiment_id', 'position', name=op.f('uq_variant_experiment_id'))
    )
    op.create_table('variant_text',
    sa.Column('variant_id', sa.Integer(), nullable=False),
    sa.Column('text_id', sa.Integer(), nullable=False),
    sa.Column('text', sa.Text(), nullable=True),
    sa.Column('label', sa.Text(), nullable=False),
    sa.Column('is_dropped', sa.Boolean(), nullable=False),
    sa.ForeignKeyConstraint(['text_id'], ['synthetic_text.id'], name=op.f('fk_variant_text_text_id_synthetic_text'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['variant_id'], ['variant.id'], name=op.f('fk_variant_text_variant_id_variant'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('variant_id', 'text_id', name=op.f('pk_variant_text'))
    )
    op.create_index(op.f('ix_variant_text_text_id'), 'variant_text', ['text_id'], unique=False)
    op.add_column('experiment', sa.Column('is_gathered', sa.Boolean(), nullable=True))
    op.execute(sa.text('UPDATE experiment SET is_gathered = (name = :name)').bindparams(name=GATHERED))
    op.add_column('training_run', sa.Column('can_retry', sa.Boolean(), nullable=True))
    op.execute('UPDATE training_run SET can_retry = 1')
    _move_specs(op.get_bind())
    op.execute(
        'INSERT INTO variant_text (variant_id, text_id, text, label, is_dropped) '
        'SELECT arm_id, text_id, text, label, is_dropped FROM arm_text'
    )
    with op.batch_alter_table('experiment', schema=None) as batch_op:
        batch_op.alter_column('is_gathered', existing_type=sa.Boolean(), nullable=False)
    with op.batch_alter_table('training_run', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_training_run_arm_id'))
        batch_op.drop_constraint(batch_op.f('fk_training_run_arm_id_arm'), type_='foreignkey')
        batch_op.drop_column('arm')
        batch_op.alter_column('can_retry', existing_type=sa.Boolean(), nullable=False)
        batch_op.alter_column('arm_id', new_column_name='variant_id', existing_type=sa.Integer(), existing_nullable=True)
    with op.batch_alter_table('training_run', schema=None) as batch_op:  # only now has the column its new name
        batch_op.create_foreign_key(batch_op.f('fk_training_run_variant_id_variant'), 'variant', ['variant_id'], ['id'], ondelete='CASCADE')
    op.create_index(op.f('ix_training_run_variant_id'), 'training_run', ['variant_id'], unique=False)
    op.drop_table('arm_text')
    op.drop_table('arm')


def _move_specs(connection: sa.Connection) -> None:
    """Move each spec from its experiment's config into its own row, with the same id."""
    metadata = sa.MetaData()
    metadata.reflect(connection, only=('experiment', 'arm', 'variant'))
    experiments, arms, variants = (metadata.tables[name] for name in ('experiment', 'arm', 'variant'))
    for experiment in connection.execute(sa.select(experiments)).mappings().all():
        config = _loads(experiment['config'])
        specs = config.pop('arms', [])
        of_it = sa.select(arms).where(arms.c.experiment_id == experiment['id']).order_by(arms.c.position)
        for arm, spec in zip(connection.execute(of_it).mappings().all(), specs, strict=True):
            if experiment['is_gathered'] and spec['use'] == 'accepted':
                spec['use'] = 'reviewed'
            values = {name: arm[name] for name in ('id', 'experiment_id', 'position', 'n_texts', 'n_dropped', 'n_decisions')}
            connection.execute(sa.insert(variants).values(spec=spec, **values))
        of_this = experiments.c.id == experiment['id']
        connection.execute(sa.update(experiments).where(of_this).values(config=config))


def _loads(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def downgrade() -> None:
    raise NotImplementedError('The names of variants were dropped. Restore a copy of the database instead.')
