"""Programs that the steps run: git and uv."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from uv import find_uv_bin

from sisock_ci.errors import CiError


def run(command: Sequence[str | Path], cwd: Path, environ: Mapping[str, str] | None = None) -> str:
    """Run a program; gives what it printed.

    Raises
    ------
    CiError
        If it fails, with the end of what it said.
    """
    done = subprocess.run(  # noqa: S603 (words of ours)
        command, cwd=cwd, env=environ, capture_output=True, text=True, check=False
    )
    if done.returncode:
        told = (done.stderr.strip() or done.stdout.strip())[-1500:]
        raise CiError(f"{' '.join(map(str, command[:4]))} failed in {cwd}: {told}")
    return done.stdout


__all__ = ["find_uv_bin", "run", "uv"]


def uv(cwd: Path, *arguments: str | Path) -> str:
    """Run uv."""
    return run([find_uv_bin(), *arguments], cwd)
