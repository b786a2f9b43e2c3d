"""The package index that releases are uploaded to: what it has, and what is put there."""

import hashlib
import os
import re
import tarfile
import tempfile
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import Version

from sisock_ci import processes
from sisock_ci.errors import CiError

INDEX, UPLOAD = "SISOCK_INDEX", "SISOCK_INDEX_UPLOAD"
USER, PASSWORD = "SISOCK_INDEX_USER", "SISOCK_INDEX_PASSWORD"
PATIENCE_S = 60.0
TOOLS_OWN = ("WHEEL", "RECORD")
"""Members of a wheel that tell which tool wrote it, and are another's after an upgrade of the tool."""


@dataclass(frozen=True, slots=True)
class Index:
    """A package index.

    Attributes
    ----------
    simple, upload : str
        Where it is read, such as ``https://packages.example.org/simple/``, and where files are sent.
    user, password : str
        Login, if it needs one.
    """

    simple: str
    upload: str
    user: str = ""
    password: str = field(default="", repr=False)

    def files(self, distribution: str) -> dict[str, str]:
        """Addresses of a distribution's files, by their names; nothing if the index has none itself."""
        name = re.sub(r"[-_.]+", "-", distribution).lower()
        page = urllib.parse.urljoin(self.simple, f"{name}/")
        try:
            with self._open(page) as reply:
                # An index that passes unknown names on to another one has none of its own.
                if urllib.parse.urlsplit(reply.url).netloc != urllib.parse.urlsplit(page).netloc:
                    return {}
                links = _Links()
                links.feed(reply.read().decode())
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return {}
            raise CiError(f"the package index answers {error.code} when it is asked for {name}") from error
        except OSError as error:
            raise CiError(f"the package index {self.simple} cannot be asked: {error}") from error
        return {name: urllib.parse.urljoin(page, link) for name, link in links.found.items()}

    def versions(self, distribution: str) -> set[Version]:
        """Versions of a distribution that it has."""
        return {version for name in self.files(distribution) if (version := _version(name))}

    def put(self, distribution: str, file: Path) -> bool:
        """Upload a file, unless it is there; gives whether it was uploaded.

        Raises
        ------
        CiError
            If the index has a file of that name with other content, or does not take it.
        """
        there = self.files(distribution).get(file.name)
        if there is not None:
            self._compare(file, there)
            return False
        environ = {**os.environ, "UV_PUBLISH_USERNAME": self.user, "UV_PUBLISH_PASSWORD": self.password}
        command = [
            processes.find_uv_bin(),
            "--no-config",
            "publish",
            "--quiet",
            "--trusted-publishing",
            "never",
        ]
        processes.run([*command, "--publish-url", self.upload, file], file.parent, environ)
        return True

    def _compare(self, file: Path, there: str) -> None:
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / file.name
            with self._open(there) as reply:
                copy.write_bytes(reply.read())
            if content(copy) != content(file):
                raise CiError(
                    f"{file.name} is in the package index already, with other content: give it a new version"
                )

    def _open(self, url: str) -> "urllib.request._UrlopenRet":
        request = urllib.request.Request(url)  # noqa: S310 (the index that was named)
        if self.user:
            login = b64encode(f"{self.user}:{self.password}".encode()).decode()
            request.add_unredirected_header("Authorization", f"Basic {login}")
        return urllib.request.urlopen(request, timeout=PATIENCE_S)  # noqa: S310 (likewise)


def named() -> Index:
    """The index that the environment names.

    Raises
    ------
    CiError
        If it names none.
    """
    simple = os.environ.get(INDEX, "").strip()
    if not simple.startswith(("https://", "http://")):
        raise CiError(
            f"{INDEX} is not set: name the package index, such as https://packages.example.org/simple/"
        )
    simple = f"{simple.rstrip('/')}/"
    upload = os.environ.get(UPLOAD, "").strip() or simple.removesuffix("simple/")
    user, password = os.environ.get(USER, ""), os.environ.get(PASSWORD, "")
    if user and not password:
        raise CiError(f"{PASSWORD} is not set, though {USER} is")
    return Index(simple, upload, user, password)


def content(archive: Path) -> dict[str, str]:
    """SHA-256 of each member of a wheel or an sdist, but for what its tool tells of itself."""
    members = _of_wheel(archive) if archive.suffix == ".whl" else _of_sdist(archive)
    found = {}
    for name, data in members:
        last = name.rsplit("/", 1)[-1]
        if ".dist-info/" in name and last in TOOLS_OWN:
            continue
        if last in {"METADATA", "PKG-INFO"}:
            data = re.sub(rb"(?m)^Metadata-Version: .*\n", b"", data, count=1)  # noqa: PLW2901
        found[name] = hashlib.sha256(data).hexdigest()
    return found


def _of_wheel(archive: Path) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(archive) as wheel:
        for name in wheel.namelist():
            yield name, wheel.read(name)


def _of_sdist(archive: Path) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(archive) as sdist:
        for member in sdist.getmembers():
            data = sdist.extractfile(member)
            if data is not None:
                yield member.name, data.read()


def _version(name: str) -> Version | None:
    try:
        return parse_wheel_filename(name)[1] if name.endswith(".whl") else parse_sdist_filename(name)[1]
    except (InvalidWheelFilename, InvalidSdistFilename):
        return None


class _Links(HTMLParser):
    """Names and addresses of the files that a page of an index lists."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a link."""
        link = dict(attrs).get("href")
        if tag == "a" and link:
            path = urllib.parse.urlsplit(link).path
            self.found[urllib.parse.unquote(path.rsplit("/", 1)[-1])] = link
