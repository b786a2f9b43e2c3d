"""Under which names the bridge is asked: a page from elsewhere must not reach it under a name of its own.

A page of ``evil.example`` can have that name point to this machine once it is loaded (DNS rebinding); its
browser then takes our answers for that site's own. What the browser cannot hide is the name, in ``Host``.
Knows nothing of requests.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from sisock.auth import names_of

_OUT_OF_REACH = (".localhost", ".local", ".internal")
"""Endings of names that nobody can have point to somebody else's machine from the outside."""


@dataclass(frozen=True)
class Hosts:
    """The names under which we answer.

    Addresses, names without a dot, and names that no public server gives out are always fine.

    Parameters
    ----------
    named : tuple of str
        Further ones, ``*`` standing for anything.
    proxied : bool
        Whether a name without a port is fine, too: somebody listens on the usual port of the web then,
        and hands requests over to us under the name that it has itself.
    """

    named: tuple[str, ...] = ()
    proxied: bool = True

    def accept(self, host: str | None) -> bool:
        """Whether to answer a request with this ``Host``; one without is from no browser."""
        if not host:
            return True
        name, port = _parted(host.lower())
        return (
            "." not in name
            or _is_address(name)
            or name.endswith(_OUT_OF_REACH)
            or (self.proxied and not port)
            or any(fnmatchcase(name, pattern) for pattern in self.named)
        )


def _parted(host: str) -> tuple[str, str]:
    """Name and port, without what they are put into."""
    if host.startswith("["):
        address, _, rest = host[1:].partition("]")
        return address, rest.lstrip(":")
    name, _, port = host.partition(":")
    return name.rstrip("."), port


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def known_hosts(allowed: Iterable[str], port: int, certificate: Path, own_name: str) -> Hosts:
    """Whom we answer, by the settings or, where there are none, by what lies about.

    Parameters
    ----------
    allowed : iterable of str
        The site's names, if it says any: then no others of the public's.
    port : int
        Where we listen.
    certificate : Path
        The router's: a site had it made out to the names of its machine.
    own_name : str
        Of our machine.
    """
    named = tuple(name.lower() for name in allowed)
    if named:
        return Hosts(named, proxied=False)
    return Hosts((own_name.lower(), *(name.lower() for name in names_of(certificate))), proxied=port != 80)
