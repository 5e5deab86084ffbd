"""Ask Kubeflow's operators themselves, and a kfmesh of its own, what is wrong with thousands of manifests.

test/upstream, a Go module of its own, has the operators' code. What it needs comes through the Go module
proxy, and the first build takes minutes. KFMESH_CORPUS may name a folder of further manifests.
"""

import os
import pathlib
import subprocess
import sys
import tempfile

from harness.mesh import OneProcess

HERE = pathlib.Path(__file__).parent.parent / "upstream"

# The flag that names the source of each operator, and its module.
SOURCES = {
    "training-operator": "github.com/kubeflow/training-operator",
    "mpi-operator": "github.com/kubeflow/mpi-operator",
    "trainer": "github.com/kubeflow/trainer/v2",
}


def go(*words: str) -> str:
    """Run the go command in the module and return what it prints."""
    return subprocess.check_output(["go", *words], cwd=HERE, text=True).strip()


def main() -> int:
    """Ask both, and return the exit status."""
    with tempfile.TemporaryDirectory(prefix="kfmesh-validation-") as name:
        scratch = pathlib.Path(name)
        program = scratch / "upstream"
        go("build", "-o", str(program), ".")
        flags = [f"-{flag}={go('list', '-m', '-f', '{{.Dir}}', module)}" for flag, module in SOURCES.items()]
        if named := os.environ.get("KFMESH_CORPUS"):
            folder = next(
                (p for p in (pathlib.Path(named, "training"), pathlib.Path(named)) if p.is_dir()), named
            )
            flags.append(f"-corpus={pathlib.Path(folder).resolve()}")
        mesh = OneProcess(scratch / "mesh")
        try:
            return subprocess.call([program, f"-server={mesh.start().url}", *flags, *sys.argv[1:]], cwd=HERE)
        finally:
            mesh.stop()


if __name__ == "__main__":
    sys.exit(main())
