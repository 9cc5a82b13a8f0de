"""What the figures of a benchmark depend on: commit, processor, load, library versions."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def machine(*packages: str) -> dict[str, str]:
    """Returns commit, machine and the versions of `packages`."""
    changes = len(_git("status", "--porcelain").splitlines())
    return {
        "commit": (_git("rev-parse", "--short", "HEAD") or "none")
        + (f" with {changes} changed files" if changes else ""),
        "cores": str(os.cpu_count()),
        "cpu": _cpu_model(),
        "load over 1 min": f"{os.getloadavg()[0]:.2f}",
        "python": platform.python_version(),
        **{package: metadata.version(package) for package in packages},
    }


def _git(*arguments: str) -> str:
    try:
        answer = subprocess.run(
            ["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False
        )
    except OSError:
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
