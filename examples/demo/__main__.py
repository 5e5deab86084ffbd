"""The demo: start kfmesh, run a real pipeline on it, show what came out.

``make demo`` builds what this needs and starts it. It speaks to kfmesh the way
anybody would: through the unmodified kfp SDK, and plain REST for the rest.
"""

import argparse
import contextlib
import pathlib
import sys
import time
import warnings

import kfp
from report import print_report
from server import Server, ServerError
from tasks import follow

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "examples"))


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--once", action="store_true", help="stop after the run; the exit status says how it went"
    )
    parser.add_argument(
        "--data-dir", type=pathlib.Path, default=ROOT / ".kfmesh", help="default: %(default)s"
    )
    parser.add_argument("--http-port", type=int, default=8080, help="another one is taken when it is in use")
    parser.add_argument("--grpc-port", type=int, default=9090, help="another one is taken when it is in use")
    return parser.parse_args()


def run_pipeline(server: Server) -> bool:
    """Submit the example, follow it and report; True when it succeeded."""
    from breast_cancer.pipeline import breast_cancer

    with contextlib.redirect_stdout(None):  # the SDK prints links for notebooks
        client = kfp.Client(host=server.url)
        run = client.create_run_from_pipeline_func(breast_cancer, experiment_name="demo")
    print(f"submitted run {run.run_id}  ({server.url}/#/runs/details/{run.run_id})\n")
    started = time.monotonic()
    state, tasks = follow(server.url, run.run_id)
    print(f"\nrun {state} after {time.monotonic() - started:.1f} s")
    print_report(server, run.run_id, state, tasks)
    return state == "SUCCEEDED"


def main() -> int:
    """Run the demo and return its exit status."""
    options = arguments()
    warnings.filterwarnings("ignore", category=FutureWarning, module="kfp")
    server = Server(ROOT / "bin" / "kfmesh", options.data_dir)
    try:
        server.start(options.http_port, options.grpc_port)
        print(f"kfmesh is ready after {server.seconds_to_ready:.2f} s")
        print(f"  HTTP {server.url}   gRPC {server.grpc_address}   data {server.data_dir}\n")
        succeeded = run_pipeline(server)
        if not options.once:
            print("\nkfmesh stays up. Ctrl-C stops it; nothing is lost, `make demo` goes on from here.")
            server.wait()
    except ServerError as err:
        print(f"\n{err}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopping")
        return 130
    finally:
        server.stop()
    return 0 if succeeded else 1


if __name__ == "__main__":
    sys.exit(main())
