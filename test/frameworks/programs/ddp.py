"""Fits a line with DistributedDataParallel over gloo, epoch by epoch, and goes on from its checkpoint.

CRASH names a rank, an epoch, an attempt and an exit status at which it dies: "1 3 1 139".
"""

import os
import pathlib
import time

import torch
import torch.distributed as dist
from said import say
from torch.nn.parallel import DistributedDataParallel

EPOCHS = int(os.environ.get("EPOCHS", "8"))
PAUSE_SECONDS = float(os.environ.get("PAUSE", "0"))
CHECKPOINT = pathlib.Path(os.environ["KFMESH_CHECKPOINT_DIR"]) / "last.pt"


def crash(rank: int, epoch: int) -> None:
    at = [int(word) for word in os.environ.get("CRASH", "-1 -1 -1 0").split()]
    if [rank, epoch, int(os.environ["KFMESH_ATTEMPT"])] == at[:3]:
        os._exit(at[3])


def save(model: torch.nn.Module, epoch: int) -> None:
    part = CHECKPOINT.with_suffix(".part")
    torch.save({"model": model.state_dict(), "epoch": epoch}, part)
    part.rename(CHECKPOINT)


def train(model: DistributedDataParallel, first: int, rank: int) -> list[dict]:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    generator = torch.Generator().manual_seed(rank)
    told = []
    for epoch in range(first, EPOCHS):
        crash(rank, epoch)
        x = torch.rand((64, 1), generator=generator)
        for _ in range(20):
            optimizer.zero_grad()
            loss = torch.nn.functional.mse_loss(model(x), 3 * x + 1)
            loss.backward()  # averages the gradients of all ranks
            optimizer.step()
        told.append({"epoch": epoch, "loss": loss.item(), "world": dist.get_world_size()})
        if rank == 0:
            save(model.module, epoch)
        dist.barrier()
        time.sleep(PAUSE_SECONDS)
    return told


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    dist.init_process_group("gloo")
    rank = dist.get_rank()
    model, first = torch.nn.Linear(1, 1), 0
    if CHECKPOINT.exists():
        state = torch.load(CHECKPOINT, weights_only=True)
        model.load_state_dict(state["model"])
        first = state["epoch"] + 1
    print(f"rank {rank} of {dist.get_world_size()} begins at epoch {first}", flush=True)
    epochs = train(DistributedDataParallel(model), first, rank)
    total = torch.tensor([float(rank)])
    dist.all_reduce(total)
    say(
        f"rank-{rank}",
        first=first,
        epochs=epochs,
        world=dist.get_world_size(),
        sum_of_ranks=total.item(),
        weights=[p.tolist() for p in model.parameters()],
        attempt=int(os.environ["KFMESH_ATTEMPT"]),
        versions={"torch": torch.__version__},
    )
    dist.barrier()  # a rank that takes gloo down while another still uses it may abort that one
    dist.destroy_process_group()


main()
