"""Adds up over all ranks with PaddlePaddle, which paddle.distributed.launch has started."""

import paddle
import paddle.distributed as dist
from said import say

paddle.set_device("cpu")
dist.init_parallel_env()
rank = dist.get_rank()
total = paddle.to_tensor([float(rank)])
dist.all_reduce(total)
say(
    f"rank-{rank}",
    world=dist.get_world_size(),
    sum_of_ranks=float(total.item()),
    versions={"paddlepaddle": paddle.__version__},
)
