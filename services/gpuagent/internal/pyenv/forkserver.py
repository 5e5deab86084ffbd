"""A fork server for steps that are components of the kfp SDK.

    python forkserver.py

Importing kfp takes a step longer than most of what steps do. This process imports
it once; each step is a fork of it. How it is asked for forks is told in package
supervise, at Fork. A fork does what the command of such a component does:

    program_path=$(mktemp -d)
    printf "%s" "$0" > "$program_path/ephemeral_component.py"
    _KFP_RUNTIME=true python3 -m kfp.dsl.executor_main \\
        --component_module_path "$program_path/ephemeral_component.py" "$@"

or only its last part, for components that are in their image. The process ends when
its supervisor does, and after a while in which nobody asks.
"""

import array
import ctypes
import gc
import json
import os
import runpy
import signal
import socket
import sys
import types

CONTROL = 3
IDLE_SECONDS = 60
MAIN = "kfp.dsl.executor_main"
PR_SET_PDEATHSIG = 1
RUN_AS_MAIN = runpy._run_module_as_main  # what `python -m` does; without it there is no server


def preload():
    """Loads what every component loads, and then has the main module be new again."""
    os.environ["_KFP_RUNTIME"] = "true"
    __import__(MAIN)
    package, _, name = MAIN.rpartition(".")
    del sys.modules[MAIN]
    delattr(sys.modules[package], name)
    gc.collect()
    gc.freeze()


def serve():
    """Returns, in a fork, what the fork is told; its output is in place by then."""
    libc = ctypes.CDLL(None, use_errno=True)
    supervisor = os.getppid()
    control = socket.socket(fileno=CONTROL)
    control.settimeout(IDLE_SECONDS)
    control.send(b"r")
    while True:
        log, stream = next_packet(control)
        child = os.fork()
        if child == 0:
            middle = os.getpid()
            if os.fork():
                os._exit(0)
            control.close()
            return become(libc, supervisor, middle, log, stream)
        os.close(log)
        os.close(stream)
        os.waitpid(child, 0)


def next_packet(control):
    """Waits for the descriptors of the next fork; ends the process without them."""
    descriptors = array.array("i")
    try:
        data, ancillary, _, _ = control.recvmsg(1, socket.CMSG_SPACE(2 * descriptors.itemsize))
    except socket.timeout:  # noqa: UP041, the same since Python 3.10 only
        sys.exit(0)
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(content)
    if not data or len(descriptors) != 2:
        sys.exit(0)
    return descriptors


def become(libc, supervisor, middle, log, stream):
    """Makes a fork what its supervisor expects, and returns what it is told."""
    while os.getppid() == middle:
        os.sched_yield()
    failed = libc.prctl(PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL), 0, 0, 0)
    if failed or os.getppid() != supervisor:
        os._exit(1)
    os.setsid()
    os.write(stream, b"%d\n" % os.getpid())
    with open(stream, "rb") as lines:
        line = lines.readline()
    if not line.endswith(b"\n"):
        os._exit(1)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    return json.loads(line)


def settle(order):
    """Takes on the environment, directory and arguments; they are those of `python -m`."""
    task = order["Task"]
    coerced = {name: os.environ[name] for name in ("LC_CTYPE",) if name in os.environ}  # as in PEP 538
    os.environ.clear()
    os.environ.update(coerced)
    for entry in order["Env"]:
        name, _, value = entry.partition("=")
        os.environ[name] = value
    os.environ["_KFP_RUNTIME"] = "true"
    os.chdir(order["WorkDir"])
    sys.path[:1] = [os.getcwd(), *task["Paths"]]
    arguments = list(task["Args"])
    if task.get("Source") is not None:
        arguments = ["--component_module_path", write_source(task["Source"]), *arguments]
    sys.argv = ["-m", *arguments]
    if hasattr(sys, "orig_argv"):
        sys.orig_argv = [sys.executable, "-m", MAIN, *arguments]
    sys.modules["__main__"] = types.ModuleType("__main__")


def write_source(source):
    """Writes the component's module to a new directory, as the command would."""
    folder = os.path.join(os.environ.get("TMPDIR", "/tmp"), "tmp." + os.urandom(5).hex())  # noqa: S108, as mktemp
    os.mkdir(folder, 0o700)
    path = os.path.join(folder, "ephemeral_component.py")
    with open(path, "w", encoding="utf-8", newline="") as f:
        f.write(source)
    return path


def run():
    """Runs the main module. A traceback begins where it would without all this."""
    try:
        RUN_AS_MAIN(MAIN)
    except Exception as error:
        error.__traceback__ = error.__traceback__.tb_next
        sys.excepthook(type(error), error, error.__traceback__)
        sys.exit(1)


if __name__ == "__main__":
    preload()
    settle(serve())
    run()
