"""The site's file from the command line: what is wrong with one, and a first one from what is online."""

from pathlib import Path

from sisock.node import Field, FieldType
from sisock_consumer.target import Target

from sisock_client.client import Client
from sisock_client.errors import ClientError
from sisock_client.samples import FieldInfo

NEEDS = "it needs sisock-site: pip install 'sisock-client[site]'"


def check(path: Path) -> list[str]:
    """Say what is wrong with a file, in sentences; none if it is well.

    Raises
    ------
    ClientError
        If there is no such file.
    """
    try:
        from sisock_site import SiteFile  # noqa: PLC0415 (an extra)
    except ImportError:
        raise ClientError(NEEDS) from None
    if not path.exists():
        raise ClientError(f"{path}: there is no such file")
    file = SiteFile(path)
    file.look()
    return list(file.problems)


def draft(client: Client) -> str:
    """Write a file from what is online.

    Raises
    ------
    ClientError
        If the stack cannot be asked.
    """
    try:
        from sisock_site.draft import draft as written  # noqa: PLC0415 (an extra)
    except ImportError:
        raise ClientError(NEEDS) from None
    nodes: dict[str, list[Field]] = {node.name: [] for node in client.nodes()}
    for one in client.fields():
        target = Target.parse(one.field)
        nodes.setdefault(target.node, []).append(_field(target.field, one))
    return written(nodes)


def _field(name: str, one: FieldInfo) -> Field:
    kind: FieldType = "string" if one.type == "string" else "bool" if one.type == "bool" else "number"
    return Field(name, one.description, one.units, kind, source=one.source)
