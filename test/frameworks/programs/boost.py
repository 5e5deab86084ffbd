"""Trains trees with XGBoost on as many workers as there are: each sees its own part of the data.

The first rank runs the tracker, at the address that the job names.
"""

import os

import numpy
import xgboost
from said import say
from xgboost import collective
from xgboost.tracker import RabitTracker


def address() -> tuple[int, int, str, int]:
    """Rank, number of workers, host and port, from an XGBoostJob's environment or a TrainJob's."""
    env = os.environ
    if "DMLC_TRACKER_URI" in env:
        return (
            int(env["DMLC_TASK_ID"]),
            int(env["DMLC_NUM_WORKER"]),
            env["DMLC_TRACKER_URI"],
            int(env["DMLC_TRACKER_PORT"]),
        )
    return int(env["RANK"]), int(env["WORLD_SIZE"]), env["MASTER_ADDR"], int(env["MASTER_PORT"])


def main() -> None:
    rank, world, host, port = address()
    tracker = None
    if rank == 0:
        tracker = RabitTracker(n_workers=world, host_ip=host, port=port)
        tracker.start()
    with collective.CommunicatorContext(
        dmlc_communicator="rabit", dmlc_tracker_uri=host, dmlc_tracker_port=port, dmlc_task_id=str(rank)
    ):
        draw = numpy.random.default_rng(rank)
        x = draw.random((400, 4))
        y = (x[:, 0] + x[:, 1] > 1).astype(int)
        told: dict = {}
        data = xgboost.DMatrix(x, y)
        booster = xgboost.train(
            {"objective": "binary:logistic", "eval_metric": "logloss", "nthread": 1, "tree_method": "hist"},
            data,
            20,
            evals=[(data, "train")],
            evals_result=told,
            verbose_eval=False,
        )
        ranks = collective.allreduce(numpy.array([float(rank)]), collective.Op.SUM)
        trees = "".join(booster.get_dump())
        say(
            f"rank-{rank}",
            world=collective.get_world_size(),
            sum_of_ranks=float(ranks[0]),
            losses=told["train"]["logloss"],
            trees=trees,
            versions={"xgboost": xgboost.__version__},
        )
    if tracker:
        tracker.wait_for()


main()
