"""Importing an adapter costs nothing: its library is imported when it is opened."""

from __future__ import annotations

import subprocess
import sys

import pytest

from floorlens.engines import BACKENDS

MODULES = [path.rpartition(".")[0] for path in BACKENDS.values()]
HEAVY = {"lancedb", "pyarrow", "pymilvus", "milvus_lite", "grpc", "psycopg", "pgvector", "pinecone"}


@pytest.mark.parametrize("name", MODULES)
def test_an_adapter_imports_numpy_alone(name: str) -> None:
    code = (
        f"import sys, floorlens.engines.backends.{name}; "
        "print(*{m.partition('.')[0] for m in sys.modules})"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    modules = set(process.stdout.split())
    assert "numpy" in modules
    assert not modules & HEAVY
