"""A package index of ours on this machine: wheels of all packages, and whatever else PyPI has."""

import base64
import hashlib
import os
import re
import secrets
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from packaging.requirements import Requirement

from sisock_ci import processes
from sisock_ci.errors import CiError
from sisock_ci.services import Package

PYPI = "https://pypi.org/simple/"
ANSWER_S = 30.0
ROUTER, ROUTER_VERSION, LOCAL = "crossbar", "26.10.1", "sisock.1"
SERVER = "pypiserver==2.4.2"


def build(root: Path, package: Package, to: Path, *options: str) -> list[Path]:
    """Build a package's wheel and sdist, or what options ask for; gives the files."""
    before = set(to.glob("*"))
    processes.uv(root, "build", "--quiet", "--package", package.distribution, "--out-dir", to, *options)
    return sorted(path for path in set(to.glob("*")) - before if path.suffix in {".whl", ".gz"})


def needs_router(package: Package) -> bool:
    """Whether a package needs crossbar.io itself."""
    return any(Requirement(text).name == ROUTER for text in package.requires)


def relaxed_router(to: Path) -> Path:
    """crossbar.io's wheel without its pin of an idna of 2017 (decision 2), as a local version of it."""
    pip = ["tool", "run", "--quiet", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    with tempfile.TemporaryDirectory() as downloads:
        processes.uv(to, *pip, "--dest", downloads, f"{ROUTER}=={ROUTER_VERSION}")
        [original] = Path(downloads).glob(f"{ROUTER}-*.whl")
        return _relax(original, to / original.name.replace(ROUTER_VERSION, f"{ROUTER_VERSION}+{LOCAL}", 1))


def _relax(original: Path, wheel: Path) -> Path:
    version = f"{ROUTER_VERSION}+{LOCAL}"
    old, new = (f"{ROUTER}-{one}.dist-info/" for one in (ROUTER_VERSION, version))
    record = []
    with zipfile.ZipFile(original) as source, zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as copy:
        for there in source.namelist():
            content, name = source.read(there), there.replace(old, new, 1)
            if name == f"{new}RECORD":
                continue
            if name == f"{new}METADATA":
                text = re.sub(r"(?m)^Version: .*$", f"Version: {version}", content.decode(), count=1)
                content = re.sub(r"(?m)^Requires-Dist: idna.*$", "Requires-Dist: idna>=3.7", text).encode()
            copy.writestr(name, content)
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            record.append(f"{name},sha256={digest},{len(content)}")
        copy.writestr(f"{new}RECORD", "\n".join([*record, f"{new}RECORD,,", ""]))
    return wheel


@contextmanager
def served(folder: Path, work: Path) -> Iterator[str]:
    """Serve a folder as a package index on loopback; what it has not is looked for on PyPI.

    Parameters
    ----------
    folder : Path
        Where the files are, and where those that are uploaded are put.
    work : Path
        Where the server's environment and log are: its dependencies are not ours.

    Yields
    ------
    str
        Its address.
    """
    python = work / "pypiserver" / "bin" / "python"
    if not python.exists():
        processes.uv(work, "venv", "--quiet", work / "pypiserver")
        processes.uv(work, "pip", "install", "--quiet", "--python", python, SERVER)
    server, url = _begin(python, folder, work / "pypiserver.log")
    try:
        yield url
    finally:
        server.terminate()
        server.wait(10)


def _begin(python: Path, folder: Path, log: Path) -> "tuple[subprocess.Popen[bytes], str]":
    """Start the server, which can't choose a port by itself; a free one may be another's a moment later."""
    for last in (False, False, True):
        port = _free_port()
        alive = f"/alive-{secrets.token_hex(8)}"  # another server on that port does not know it
        command = [str(python), "-m", "pypiserver", "run", "-i", "127.0.0.1", "-p", str(port)]
        command += ["--health-endpoint", alive, "--fallback-url", PYPI, "-P", ".", "-a", "."]
        with log.open("wb") as out:
            server = subprocess.Popen([*command, str(folder)], stdout=out, stderr=out)  # noqa: S603 (ours)
        try:
            _wait(f"http://127.0.0.1:{port}{alive}", server, log)
        except CiError:
            server.kill()
            server.wait()
            if last or "Address already in use" not in log.read_text():
                raise
        else:
            break
    return server, f"http://127.0.0.1:{port}/"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(url: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    end = time.monotonic() + ANSWER_S
    while True:
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310 (of ours, on loopback)
                return
        except (OSError, urllib.error.URLError) as error:
            if server.poll() is not None or time.monotonic() > end:
                raise CiError(f"the package index does not start: {log.read_text()[-500:]}") from error
            time.sleep(0.1)


def install(venv: Path, index: str, wanted: Sequence[str], cwd: Path, *options: str) -> None:
    """Install into an environment, our packages from an index and nothing of ours from elsewhere."""
    environ = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    indexes = ["--no-config", "--index", f"{index}simple/", "--default-index", PYPI]
    python = ["--python", str(venv / "bin" / "python")]
    command = [processes.find_uv_bin(), "pip", "install", "--quiet", *python, *indexes, *options, *wanted]
    processes.run(command, cwd, environ)
