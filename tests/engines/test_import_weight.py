"""Importing an adapter costs nothing: its library is imported when it is opened."""

from __future__ import annotations

import subprocess
import sys

import pytest

PLAIN = ("exact", *(f"{name}.collection" for name in ("lancedb", "pinecone", "pgvector", "milvus")))
HEAVY = {"lancedb", "pyarrow", "pymilvus", "milvus_lite", "grpc", "psycopg", "pgvector", "pinecone"}


@pytest.mark.parametrize("name", PLAIN)
def test_an_adapter_imports_numpy_alone(name: str) -> None:
    code = (
        f"import sys, floorlens.engines.backends.{name}; "
        "print(*{m.partition('.')[0] for m in sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    loaded = set(done.stdout.split())
    assert "numpy" in loaded
    assert not loaded & HEAVY
