"""Runs the contract suite against a real Milvus server, where the tests have milvus-lite.

    python benchmarks/milvus_server.py [--venv FOLDER] [--keyword "contract and milvus"]

The server is the standalone one of PyPI's `milvus` 2.3.5, in an environment of its own that is
made unless `--venv` has it. It ends by SIGKILL alone: its process is the only one that is killed.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import ROOT, machine

PACKAGE = "milvus==2.3.5"
# The server is another process: this one prints its number and its port, and waits for the end.
STARTER = """
import os, sys
from milvus import MilvusServer
server = MilvusServer(wait_for_started=False)
server.set_base_dir(sys.argv[1])
server.start()
print(server.server_proc.pid, flush=True)
server.wait_started()
print(server.listen_port, flush=True)
sys.stdin.read()
os._exit(0)
"""


def environment(folder: Path) -> Path:
    """Returns the Python of an environment with the server, made where it is missing."""
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        # It imports pkg_resources, which newer ones no longer have.
        install = [str(python), "-m", "pip", "install", "--quiet", PACKAGE, "setuptools<81"]
        subprocess.run(install, check=True)
    return python


def main() -> int:
    """Starts the server, runs the tests, kills the server; returns the tests' exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--venv", type=Path, help="where the server is, or is to be, installed")
    parser.add_argument("--keyword", default="contract and milvus", help="which tests, as pytest's")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        python = environment(options.venv or Path(folder) / "venv")
        start = time.perf_counter()
        starter = subprocess.Popen(
            [str(python), "-c", STARTER, str(Path(folder) / "data")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        if starter.stdout is None:
            raise RuntimeError("the starter has no output")
        process = starter.stdout.readline().strip()
        try:
            port = starter.stdout.readline().strip()
            if not port:
                raise RuntimeError("the server did not start")
            print(f"{PACKAGE} started in {time.perf_counter() - start:.0f} s", flush=True)
            tests = [sys.executable, "-m", "pytest", "tests/engines/test_contract.py", "--no-cov"]
            result = subprocess.run(
                [*tests, "-q", "-k", options.keyword, "-p", "no:cacheprovider", "--durations=5"],
                cwd=ROOT,
                env={**os.environ, "MILVUS_SERVER_URL": f"http://127.0.0.1:{port}"},
                check=False,
            )
        finally:
            if process:
                os.kill(int(process), signal.SIGKILL)
            starter.kill()
            starter.wait()
    for name, value in machine("pymilvus").items():
        print(f"{name}: {value}")
    return result.returncode


if __name__ == "__main__":
    sys.exit(main())
