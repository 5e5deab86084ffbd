"""Adds up over all processes with JAX on CPUs."""

import os

import jax
import jaxlib
from said import say

jax.config.update("jax_cpu_collectives_implementation", "gloo")
if "JAX_COORDINATOR_ADDRESS" in os.environ:  # a TrainJob's, of which JAX reads two of three by itself
    jax.distributed.initialize(
        num_processes=int(os.environ["JAX_NUM_PROCESSES"]), process_id=int(os.environ["JAX_PROCESS_ID"])
    )
else:
    jax.distributed.initialize(
        f"{os.environ['COORDINATOR_ADDRESS']}:{os.environ['COORDINATOR_PORT']}",
        int(os.environ["NUM_PROCESSES"]),
        int(os.environ["PROCESS_ID"]),
    )
from jax.experimental import multihost_utils  # noqa: E402 -- wants the processes to have met

rank = jax.process_index()
found = multihost_utils.process_allgather(jax.numpy.array([float(rank)]))
say(
    f"rank-{rank}",
    world=jax.process_count(),
    devices=jax.device_count(),
    sum_of_ranks=float(found.sum()),
    versions={"jax": jax.__version__, "jaxlib": jaxlib.__version__},
)
jax.distributed.shutdown()
