"""The Docker engine, as far as images are built, pushed and tried: over the Docker SDK for Python."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from tqdm import tqdm

from sisock_ci.content import LABEL, fingerprint
from sisock_ci.errors import CiError
from sisock_ci.release import following
from sisock_ci.services import Service

REGISTRY, USER, PASSWORD = "SISOCK_REGISTRY", "SISOCK_REGISTRY_USER", "SISOCK_REGISTRY_PASSWORD"
LINE_S = 15.0
VERSION_LABEL = "org.opencontainers.image.version"


def connect() -> Any:
    """The engine that the environment names.

    Raises
    ------
    CiError
        If none answers.
    """
    try:
        client = docker.from_env(timeout=600)
        client.ping()
    except DockerException as error:
        raise CiError(f"no Docker engine answers ({error}); is DOCKER_HOST right, may you use it?") from error
    return client


def registry() -> str:
    """Where images are pushed to.

    Raises
    ------
    CiError
        If ``SISOCK_REGISTRY`` is not set.
    """
    value = os.environ.get(REGISTRY, "").strip().rstrip("/")
    if not value:
        raise CiError(f"{REGISTRY} is not set: name the registry, such as registry.example.org/sisock")
    return value


def reference(service: Service, tag: str) -> str:
    """Full name of a service's image."""
    return f"{registry()}/{service.image}:{tag}"


def revision(root: Path) -> str:
    """The commit that is checked out; unknown where there is no git."""
    try:
        done = subprocess.run(  # noqa: S603 (words of ours)
            ["git", "-C", str(root), "rev-parse", "HEAD"],  # noqa: S607 (git, wherever it is)
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return "unknown"
    return done.stdout.strip() or "unknown"


def build(client: Any, root: Path, service: Service, *, pull: bool = False) -> tuple[str, float]:
    """Build a service's image and name it by its version.

    Returns
    -------
    str
        Its full name.
    float
        Seconds that it took.
    """
    name = reference(service, service.version)
    began = time.monotonic()
    stream = client.api.build(
        path=str(root),
        dockerfile=f"{service.folder}/Dockerfile",
        tag=name,
        rm=True,
        decode=True,
        pull=pull,
        buildargs={"VERSION": service.version, "REVISION": revision(root)},
        labels={LABEL: fingerprint(root, service)},
    )
    last: list[str] = []
    for line in _told(stream, f"build {service.name}"):
        last = [*last[-8:], line]
        failed = re.search(r"returned a non-zero code|^COPY failed|^ERROR:", line)
        if failed:
            raise CiError(f"building {service.name} failed: {' / '.join(last)}")
    _must_exist(client, name)
    for older in service.also:
        client.images.get(name).tag(f"{registry()}/{older}", service.version)
    return name, time.monotonic() - began


def push(client: Any, root: Path, service: Service, *, release: bool) -> str:
    """Push a service's image by its version; gives its digest.

    Parameters
    ----------
    release : bool
        Whether ``latest`` and the minor version's tag shall follow, where that is no step back.

    Raises
    ------
    CiError
        If the registry has that version with other content, or refuses us.
    """
    _login(client)
    name = reference(service, service.version)
    image = _must_exist(client, name)
    wanted = fingerprint(root, service)
    if image.labels.get(LABEL) != wanted:
        raise CiError(f"the image {name} was not built from what is here now: build it first")
    digest = ""
    for repository in (service.image, *service.also):
        full = f"{registry()}/{repository}"
        there = _in_registry(client, f"{full}:{service.version}")
        if there is None:
            image.tag(full, service.version)
            _push(client, full, service.version)
            there = _in_registry(client, f"{full}:{service.version}")
        if there.labels.get(LABEL) != wanted:
            raise CiError(
                f"{full}:{service.version} is in the registry already, built from something else: "
                f"give services/{service.name} a new version"
            )
        digest = digest or _digest(there, f"{full}:{service.version}")
        if release:
            for tag in following(service.version, partial(_held, client, full)):
                there.tag(full, tag)
                _push(client, full, tag)
    return digest


def _held(client: Any, repository: str, tag: str) -> str:
    """Version of the registry's image that a tag is of; empty if there is none."""
    image = _in_registry(client, f"{repository}:{tag}")
    return "" if image is None else str(image.labels.get(VERSION_LABEL, ""))


def _push(client: Any, repository: str, tag: str) -> None:
    for _ in _told(client.api.push(repository, tag, stream=True, decode=True), f"push {repository}"):
        pass


def _login(client: Any) -> None:
    user, password = os.environ.get(USER), os.environ.get(PASSWORD)
    if not user:
        return
    if not password:
        raise CiError(f"{PASSWORD} is not set, though {USER} is")
    try:
        client.login(username=user, password=password, registry=registry().split("/")[0])
    except APIError as error:
        raise CiError(f"{registry()} does not let {user} in: {error.explanation}") from error


def _in_registry(client: Any, name: str) -> Any:
    """The registry's image of that name; None if it has none."""
    try:
        told = client.api.inspect_distribution(name)
    except NotFound:
        return None
    except APIError as error:
        if "manifest unknown" in str(error) or "not found" in str(error):
            return None
        raise CiError(f"the registry cannot be asked for {name}: {error.explanation}") from error
    repository = name.rsplit(":", 1)[0]
    return client.images.pull(f"{repository}@{told['Descriptor']['digest']}")


def _digest(image: Any, name: str) -> str:
    repository = name.rsplit(":", 1)[0]
    digests = [d.split("@")[1] for d in image.attrs["RepoDigests"] if d.startswith(f"{repository}@")]
    return str(digests[0]) if digests else ""


def _must_exist(client: Any, name: str) -> Any:
    try:
        return client.images.get(name)
    except ImageNotFound as error:
        raise CiError(f"there is no image {name}: build it first") from error


def _told(stream: Iterable[dict[str, Any]], what: str) -> Iterator[str]:
    """Lines that the engine tells, with progress; an error ends the step."""
    bar = tqdm(desc=what, unit=" lines", leave=False) if sys.stderr.isatty() else None
    began = told = time.monotonic()
    for event in stream:
        if "error" in event:
            raise CiError(f"{what} failed: {str(event['error']).strip()}")
        line = str(event.get("stream") or event.get("status") or event.get("aux") or "").strip()
        if bar is not None:
            bar.set_postfix_str(line[:60], refresh=False)
            bar.update()
        elif time.monotonic() - told > LINE_S:
            told = time.monotonic()
            sys.stderr.write(
                json.dumps({"event": "ci.progress", "step": what, "s": round(told - began)}) + "\n"
            )
        if line:
            yield line
    if bar is not None:
        bar.close()
