"""Trains a weight with MultiWorkerMirroredStrategy: what TF_CONFIG says is what TensorFlow makes of it."""

import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"

import tensorflow as tf
from said import say

tf.config.threading.set_inter_op_parallelism_threads(2)
strategy = tf.distribute.MultiWorkerMirroredStrategy()
resolver = strategy.cluster_resolver
rank = resolver.task_id
with strategy.scope():
    weight = tf.Variable(0.0)


@tf.function
def step():
    def one():
        context = tf.distribute.get_replica_context()
        gradient = context.all_reduce(tf.distribute.ReduceOp.MEAN, weight - (1.0 + rank))
        weight.assign_sub(0.5 * gradient)

    strategy.run(one)


for _ in range(20):
    step()
say(
    f"rank-{rank}",
    world=strategy.num_replicas_in_sync,
    weight=float(weight.numpy()),
    cluster=resolver.cluster_spec().as_dict(),
    task_type=resolver.task_type,
    versions={"tensorflow": tf.__version__},
)
