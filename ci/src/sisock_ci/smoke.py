"""Tries an image as a site runs it: read-only, without capabilities, beside a real router.

Healthy means what the image's own health check says: a data server is listed by the hub, the bridge
answers, the scanner has scanned. Then it must end within two seconds.
"""

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sisock_ci.engine import reference
from sisock_ci.errors import CiError
from sisock_ci.services import Service

HEALTHY_DEADLINE_S = 90.0
STOP_DEADLINE_S = 2.0
ROUTER_CAPABILITIES = ["CHOWN", "DAC_OVERRIDE", "SETGID", "SETUID"]
"""What the router's container needs to give up root (decision 8)."""


def try_image(client: Any, service: Service, hub: Service) -> float:
    """Run an image beside a router; gives the seconds until it was healthy.

    Raises
    ------
    CiError
        If it does not become healthy, or does not end in time.
    """
    with _site(client, hub) as (run, crossbar):
        if service.name == hub.name:
            _stop_in_time(crossbar)
            return 0.0
        began = time.monotonic()
        container = run(service, read_only=True, cap_drop=["ALL"], volumes_mode="ro")
        _wait_healthy(container)
        taken = time.monotonic() - began
        _stop_in_time(container)
        return taken


@contextmanager
def _site(client: Any, hub: Service) -> Iterator[tuple[Callable[..., Any], Any]]:
    """A network with a router on it; all is removed at the end."""
    name = f"sisock-smoke-{secrets.token_hex(4)}"
    network, volume = client.networks.create(name), client.volumes.create(name)
    started: list[Any] = []

    def run(service: Service, *, volumes_mode: str, hostname: str | None = None, **options: Any) -> Any:
        container = client.containers.run(
            reference(service, service.version),
            detach=True,
            network=name,
            hostname=hostname,
            name=f"{name}-{hostname or service.name}",
            tmpfs={"/tmp": "", "/data": ""},  # noqa: S108 (inside of the container)
            security_opt=["no-new-privileges"],
            environment={
                "CROSSBAR_HOST": f"{name}-sisock-crossbar",
                "LOGLEVEL": "info",
                **service.smoke,
            },
            volumes={name: {"bind": "/app/.crossbar", "mode": volumes_mode}},
            **options,
        )
        started.append(container)
        return container

    try:
        crossbar = run(
            hub,
            volumes_mode="rw",
            hostname="sisock-crossbar",
            read_only=True,
            cap_drop=["ALL"],
            cap_add=ROUTER_CAPABILITIES,
        )
        _wait_healthy(crossbar)
        yield run, crossbar
    finally:
        for container in started:
            container.remove(force=True)
        network.remove()
        volume.remove(force=True)


def _wait_healthy(container: Any) -> None:
    end = time.monotonic() + HEALTHY_DEADLINE_S
    state: dict[str, Any] = {}
    while time.monotonic() < end:
        container.reload()
        state = container.attrs["State"]
        if state.get("Health", {}).get("Status") == "healthy":
            return
        if state["Status"] == "exited":
            break
        time.sleep(0.2)
    log = container.logs(tail=15).decode(errors="replace").strip()
    raise CiError(f"{container.name} is {state.get('Status')}, not healthy; its log ends: {log}")


def _stop_in_time(container: Any) -> None:
    began = time.monotonic()
    container.stop(timeout=10)
    taken = time.monotonic() - began
    container.reload()
    code = container.attrs["State"]["ExitCode"]
    if taken > STOP_DEADLINE_S or code != 0:
        raise CiError(f"{container.name} ended after {taken:.1f} s with code {code}")
