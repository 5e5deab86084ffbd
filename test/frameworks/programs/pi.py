"""Estimates pi on all ranks of MPI."""

import os
import random

import mpi4py
from mpi4py import MPI
from said import say

world = MPI.COMM_WORLD
rank, size = world.Get_rank(), world.Get_size()
random.seed(rank)
inside = sum(random.random() ** 2 + random.random() ** 2 < 1 for _ in range(20000))
found = world.allreduce(inside, op=MPI.SUM)
print(f"rank {rank} of {size}", flush=True)
say(
    f"rank-{rank}",
    world=size,
    pi=4 * found / (20000 * size),
    replica=os.environ.get("KFMESH_REPLICA", ""),
    network=os.readlink("/proc/self/ns/net"),
    versions={"mpi4py": mpi4py.__version__, "library": MPI.Get_library_version().split("\n")[0].strip()},
)
