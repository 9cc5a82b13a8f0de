"""The rule that CI skips nothing silently, tried on a small suite of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
SUITE = """
import pytest

def test_passes():
    pass

def test_skips():
    pytest.skip("no reason")

def test_is_listed():
    pytest.skip("a listed reason")

def test_of_an_extra():
    pytest.skip("needs the extra clip")

@pytest.mark.xfail
def test_is_expected_to_fail():
    assert False
"""


@pytest.mark.parametrize(
    ("ci", "extras", "code", "outcome"),
    [
        # The error is the module that is skipped as a whole.
        ("true", "api,clip", 1, "2 failed, 1 passed, 1 skipped, 1 xfailed, 1 error"),
        ("true", "api", 1, "1 failed, 1 passed, 2 skipped, 1 xfailed, 1 error"),
        ("", "api,clip", 0, "1 passed, 4 skipped, 1 xfailed"),
    ],
)
def test_a_skip_fails_in_ci_unless_it_is_listed(
    tmp_path: Path, ci: str, extras: str, code: int, outcome: str
) -> None:
    """Where an extra is left out, the lines of that extra hold, and no others."""
    (tmp_path / "conftest.py").write_text((HERE / "conftest.py").read_text("utf-8"), "utf-8")
    (tmp_path / "allowed_skips.txt").write_text(
        "# rule\n*::test_is_listed: it is known\n[clip] *extra*: not there\n[api] *skips*: no\n"
    )
    (tmp_path / "test_one.py").write_text(SUITE)
    (tmp_path / "test_two.py").write_text("import pytest\npytest.importorskip('no_such_module')\n")
    result = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
            *("--continue-on-collection-errors", str(tmp_path)),
        ],
        env={**os.environ, "CI": ci, "EXTRAS": extras, "PYTHONPATH": str(HERE.parent)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.stdout.strip().splitlines()[-1].split(" in ")[0] == outcome
    assert result.returncode == code
