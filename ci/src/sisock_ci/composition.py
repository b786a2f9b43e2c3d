"""The services' blocks in compose's files, and their lines in the demo's Procfile."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sisock_ci.services import Service

FIRST = "run ./setup-tls.sh first"
METRICS_PORT = "9100"
OURS = {"name", "comment"}
NOT_PLAIN = {"yes", "no", "on", "off", "true", "false", "null"}


def block_name(service: Service) -> str:
    """Name of a service's block in compose's files."""
    return str(service.compose.get("name", service.name))


def blocks(services: Iterable[Service]) -> str:
    """Every service's block in docker-compose.yaml."""
    return "\n".join("\n".join(_block(service)) + "\n" for service in services)


def volumes(services: Iterable[Service]) -> str:
    """Volumes that the blocks name."""
    sources = [volume.split(":")[0] for service in services for volume in service.compose.get("volumes", ())]
    named = sorted({source for source in sources if re.fullmatch(r"\w[\w.-]*", source)})
    return "".join(f"  {name}:\n" for name in named)


def development(services: Iterable[Service]) -> str:
    """docker-compose.dev.yaml."""
    lines = [
        "# Beside docker-compose.yaml: builds all from the source next to it; changes no image of a site.",
        "#   docker-compose -f docker-compose.yaml -f docker-compose.dev.yaml up --build",
        "# Made by `sisock-ci make`.",
        "services:",
    ]
    for service in services:
        build = {"context": "..", "dockerfile": f"{service.folder}/Dockerfile"}
        lines.append(f"  {block_name(service)}:")
        lines += _yaml({"image": f"{service.image}:dev", "build": build}, 4)
    return "\n".join(lines) + "\n"


def metrics(services: Iterable[Service]) -> str:
    """What alerts.yaml adds to the services' blocks; the bridge answers on its own port."""
    lines = []
    for service in services:
        if service.role != "bridge":
            lines.append(f"  {block_name(service)}:")
            lines += _yaml({"environment": {"METRICS_PORT": METRICS_PORT}}, 4)
    return "\n".join(lines) + "\n"


def targets(services: Iterable[Service]) -> str:
    """Where Prometheus reads, as it wants to have that."""
    lines = ["# Made by `sisock-ci make`; a site's own targets go into a file beside it.", "- targets:"]
    for service in services:
        ports = service.container.get("ports", ())
        port = ports[0] if service.role == "bridge" and ports else METRICS_PORT
        lines.append(f'    - "{block_name(service)}:{port}"')
    return "\n".join(lines) + "\n"


def procfile(services: Iterable[Service]) -> str:
    """What `make demo` runs."""
    lines = ["# Made by `sisock-ci make` from [tool.sisock.demo] of each service."]
    for service in services:
        lines += [f"{name}: {command}" for name, command in service.demo.get("beside", {}).items()]
        settings = service.demo.get("environment", {}).items()
        words = "".join(f"{variable}={_shell(str(value))} " for variable, value in settings)
        lines.append(f"{service.name}: {words}{service.distribution}")
    return "\n".join(lines) + "\n"


def _shell(value: str) -> str:
    return value if re.fullmatch(r"[\w./$:-]+", value) else f'"{value}"'


def _block(service: Service) -> Iterator[str]:
    own = service.compose
    if "comment" in own:
        yield f"  # {own['comment']}"
    yield f"  {block_name(service)}:"
    yield f"    <<: *{'common' if service.role in {'router', 'indexer'} else 'node'}"
    registry, version = (f"${{{name}:?{FIRST}}}" for name in ("SISOCK_REGISTRY", service.variable))
    yield f"    image: {registry}/{service.image}:{version}"
    yield from _yaml({key: value for key, value in own.items() if key not in OURS}, 4)


def _yaml(table: Mapping[str, Any], indent: int) -> Iterator[str]:
    space = " " * indent
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield f"{space}{key}:"
            yield from _yaml(value, indent + 2)
        elif isinstance(value, list):
            yield f"{space}{key}:"
            yield from (f"{space}  - {_scalar(one)}" for one in value)
        else:
            yield f"{space}{key}: {_scalar(value)}"


def _scalar(value: object) -> str:
    plain = isinstance(value, str) and re.fullmatch(r"[A-Za-z_.][\w./-]*(:dev)?", value)
    return str(value) if plain and str(value).lower() not in NOT_PLAIN else json.dumps(value)
