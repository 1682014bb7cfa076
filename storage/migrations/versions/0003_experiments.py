"""Experiments: training runs become the points of a grid

Every single training run becomes part of an experiment: one for each task, seed set and recipe, with a row of `arm` for
each choice of texts. Their texts, figures and predictions stay as they are.

Revision: 0003, after 0002. 2026-11-22 18:58:00
"""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op


revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('experiment',
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('seed_set_id', sa.Integer(), nullable=False),
    sa.Column('config', sa.JSON(), nullable=False),
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
    sa.ForeignKeyConstraint(['seed_set_id'], ['seed_set.id'], name=op.f('fk_experiment_seed_set_id_seed_set')),
    sa.ForeignKeyConstraint(['task_id'], ['task.id'], name=op.f('fk_experiment_task_id_task'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_experiment'))
    )
    op.create_index(op.f('ix_experiment_status'), 'experiment', ['status'], unique=False)
    op.create_index(op.f('ix_experiment_task_id'), 'experiment', ['task_id'], unique=False)
    op.create_table('arm',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('experiment_id', sa.Integer(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('n_texts', sa.Integer(), nullable=False),
    sa.Column('n_dropped', sa.Integer(), nullable=True),
    sa.Column('n_decisions', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['experiment_id'], ['experiment.id'], name=op.f('fk_arm_experiment_id_experiment'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_arm')),
    sa.UniqueConstraint('experiment_id', 'position', name=op.f('uq_arm_experiment_id'))
    )
    op.create_table('arm_text',
    sa.Column('arm_id', sa.Integer(), nullable=False),
    sa.Column('text_id', sa.Integer(), nullable=False),
    sa.Column('label', sa.Text(), nullable=False),
    sa.Column('is_dropped', sa.Boolean(), nullable=False),
    sa.ForeignKeyConstraint(['arm_id'], ['arm.id'], name=op.f('fk_arm_text_arm_id_arm'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['text_id'], ['synthetic_text.id'], name=op.f('fk_arm_text_text_id_synthetic_text'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('arm_id', 'text_id', name=op.f('pk_arm_text'))
    )
    op.create_index(op.f('ix_arm_text_text_id'), 'arm_text', ['text_id'], unique=False)
    op.create_table('text_prediction',
    sa.Column('training_run_id', sa.Integer(), nullable=False),
    sa.Column('text_id', sa.Integer(), nullable=False),
    sa.Column('label', sa.Text(), nullable=False),
    sa.Column('prob', sa.Double(), nullable=False),
    sa.Column('label_prob', sa.Double(), nullable=False),
    sa.ForeignKeyConstraint(['text_id'], ['synthetic_text.id'], name=op.f('fk_text_prediction_text_id_synthetic_text'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['training_run_id'], ['training_run.id'], name=op.f('fk_text_prediction_training_run_id_training_run'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('training_run_id', 'text_id', name=op.f('pk_text_prediction'))
    )
    op.create_index('ix_text_prediction_run_prob', 'text_prediction', ['training_run_id', 'label_prob'], unique=False)
    op.create_index(op.f('ix_text_prediction_text_id'), 'text_prediction', ['text_id'], unique=False)
    op.add_column('metric_point', sa.Column('validation_macro_f1', sa.Double(), nullable=True))
    for column in (
        sa.Column('experiment_id', sa.Integer(), nullable=True),
        sa.Column('arm_id', sa.Integer(), nullable=True),
        sa.Column('final_step', sa.Integer(), nullable=True),
    ):
        op.add_column('training_run', column)  # without constraints yet, so that SQLite need not copy the table
    _gather(op.get_bind())
    with op.batch_alter_table('training_run', schema=None) as batch_op:
        batch_op.alter_column('experiment_id', existing_type=sa.Integer(), nullable=False)
        batch_op.create_index(batch_op.f('ix_training_run_arm_id'), ['arm_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_training_run_experiment_id'), ['experiment_id'], unique=False)
        batch_op.drop_constraint(batch_op.f('fk_training_run_seed_set_id_seed_set'), type_='foreignkey')
        batch_op.create_foreign_key(batch_op.f('fk_training_run_experiment_id_experiment'), 'experiment', ['experiment_id'], ['id'], ondelete='CASCADE')
        batch_op.create_foreign_key(batch_op.f('fk_training_run_arm_id_arm'), 'arm', ['arm_id'], ['id'], ondelete='CASCADE')
        batch_op.drop_column('seed_set_id')
        batch_op.drop_column('use')
        batch_op.drop_column('generation_run_ids')


def _gather(connection: sa.Connection) -> None:
    """Put every training run into an experiment."""
    metadata = sa.MetaData()
    metadata.reflect(connection, only=('training_run', 'experiment', 'arm', 'arm_text', 'training_text'))
    runs, experiments, arms, arm_texts, links = (
        metadata.tables[name] for name in ('training_run', 'experiment', 'arm', 'arm_text', 'training_text')
    )
    ended = sa.case((runs.c.status.in_(['queued', 'running']), 'interrupted'), else_=runs.c.status)
    connection.execute(sa.update(runs).values(status=ended))
    groups: dict[tuple[int, int, str], list[Any]] = {}
    for row in connection.execute(sa.select(runs).order_by(runs.c.id)).mappings():
        shared = json.dumps({**_loads(row['config']), 'rng_seed': 0}, sort_keys=True)
        groups.setdefault((row['task_id'], row['seed_set_id'], shared), []).append(row)
    for (task_id, seed_set_id, shared), members in groups.items():
        choices: dict[tuple[str, str], list[Any]] = {}
        for row in members:
            if row['use'] != 'none':
                choices.setdefault((row['use'], json.dumps(_loads(row['generation_run_ids']))), []).append(row)
        config = {
            'seed_set_id': seed_set_id,
            'recipe': json.loads(shared),
            'arms': [{'use': use, 'generation_run_ids': json.loads(ids)} for use, ids in choices],
            'sizes': sorted({row['n_synthetic'] for row in members} - {0}),
            'baselines': ['fine-tuned'] if any(row['use'] == 'none' for row in members) else [],
            'rng_seeds': sorted({_loads(row['config']).get('rng_seed', 0) for row in members}),
        }
        is_done = all(row['status'] == 'done' for row in members)
        experiment_id = connection.scalar(
            sa.insert(experiments).returning(experiments.c.id).values(
                name='Earlier runs', seed_set_id=seed_set_id, config=config, task_id=task_id,
                status='done' if is_done else 'interrupted', message='',
                n_done=sum(row['status'] == 'done' for row in members), n_total=len(members),
                elapsed_s=sum(row['elapsed_s'] for row in members), worker='',
                created_at=min(row['created_at'] for row in members),
            )
        )
        connection.execute(
            sa.update(runs).where(runs.c.id.in_([row['id'] for row in members])).values(experiment_id=experiment_id)
        )
        for position, of_arm in enumerate(choices.values()):
            ids = [row['id'] for row in of_arm]
            # Accepted texts included relabelled texts then.
            name = of_arm[0]['arm'] + (' (earlier)' if of_arm[0]['use'] == 'accepted' else '')
            taken = sa.select(links.c.text_id, links.c.label).where(links.c.training_run_id.in_(ids))
            rows = connection.execute(taken.order_by(links.c.training_run_id))
            labels = {row.text_id: row.label for row in rows}  # a later run's label overrides an earlier one's
            arm_id = connection.scalar(
                sa.insert(arms).returning(arms.c.id).values(
                    experiment_id=experiment_id, position=position, name=name, n_texts=len(labels),
                    n_dropped=None, n_decisions=0,
                )
            )
            connection.execute(sa.update(runs).where(runs.c.id.in_(ids)).values(arm_id=arm_id, arm=name))
            for text_id, label in labels.items():
                connection.execute(
                    sa.insert(arm_texts).values(arm_id=arm_id, text_id=text_id, label=label, is_dropped=False)
                )


def _loads(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def downgrade() -> None:
    raise NotImplementedError('Experiments cannot be split into runs again. Restore a copy of the database instead.')
