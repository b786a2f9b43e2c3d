"""Prepare the router's directory, then keep crossbar.io and the hub running."""

import argparse
import gc
import json
import os
import re
import socket
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NoReturn

import structlog
from sisock import logs
from sisock.config import RouterConfig, load, setting
from sisock.errors import ConfigError
from sisock.runner import EXIT_CONFIG, exit_with

from sisock_hub import commands as changing
from sisock_hub import keeper
from sisock_hub.measures import Tally, run_metrics
from sisock_hub.prepare import Prepared, environment, host_names, prepare
from sisock_hub.privileges import Account, account, give_up_root, own_copy, share
from sisock_hub.users import node_names


def origins(value: str) -> tuple[str, ...]:
    """Origins of web pages, with blanks between them."""
    found = tuple(value.split())
    for origin in found:
        if not re.fullmatch(r"https?://[\w.*\[\]:-]+:(\d+|\*)", origin):
            raise ValueError(
                f"has {origin!r}, which is no origin with its port (http://monitor.example.org:80)"
            )
    return found


@dataclass(frozen=True)
class HubConfig(RouterConfig):
    """Where the router listens, and which data nodes have users of their own."""

    nodes: tuple[str, ...] = setting("SISOCK_NODES", node_names, default=())
    origins: tuple[str, ...] = setting("CROSSBAR_ALLOWED_ORIGINS", origins, default=())


def main() -> NoReturn:
    """Run router and hub until told to stop."""
    parser = argparse.ArgumentParser(prog="sisock-hub", description=__doc__)
    parser.add_argument(
        "--prepare-only", action="store_true", help="make what is missing in .crossbar/, then stop"
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    node = commands.add_parser("node", help="give data nodes users of their own").add_subparsers(
        required=True
    )
    add = node.add_parser("add", help="make user, secret and right for the name alone")
    add.add_argument("names", nargs="+", metavar="NAME")
    changing.add_to(commands)
    arguments = parser.parse_args()
    only_prepare = arguments.prepare_only or arguments.command is not None
    try:
        config = load(HubConfig, os.environ)
        nodes = config.nodes
        if arguments.command == "node":
            nodes = _names(" ".join(arguments.names))
        become = account(os.environ.get("SISOCK_RUN_AS", ""))
        directory = config.crossbar_dir.absolute()
        prepared = prepare(directory, host_names(config.crossbar_host), nodes, config.origins)
        ports = (
            ()
            if only_prepare
            else (
                ("CROSSBAR_TLS_PORT", config.crossbar_tls_port),
                ("CROSSBAR_OCS_PORT", config.crossbar_ocs_port),
                *((("METRICS_PORT", config.metrics_port),) if config.metrics_port is not None else ()),
            )
        )
        for variable, port in ports:
            _check_free(variable, port)
    except ConfigError as error:
        exit_with(str(error), EXIT_CONFIG)
    logs.configure("hub", config.log_level, libraries=False)
    log = logs.get()
    if become is not None:
        share(directory, (*prepared.made, *prepared.mounts), become.gid)
    _tell(log, directory, prepared)
    if only_prepare:
        if arguments.command is not None:
            _done(arguments, directory, host_names(config.crossbar_host), become)
        exit_with("", 0)
    secrets = environment(directory)
    if become is not None or not os.access(directory, os.W_OK):
        try:
            directory = own_copy(directory, prepared.config.name, become)
        except ConfigError as error:
            exit_with(str(error), EXIT_CONFIG)
        log.info("router.copied", to=str(directory))
    if become is not None:
        give_up_root(become)
    keeper.hold_signals()
    # A router that was killed leaves its process id behind, which in a container is soon another's.
    (directory / "node.pid").unlink(missing_ok=True)
    (directory / "hub.sock").unlink(missing_ok=True)
    os.environ.update(
        secrets,
        CROSSBAR_DIR=str(directory),
        CROSSBAR_TLS_PORT=str(config.crossbar_tls_port),
        CROSSBAR_OCS_PORT=str(config.crossbar_ocs_port),
    )
    exit_with("", _keep(directory, prepared.config.name, config.log_level, config.metrics_port))


def _tell(log: structlog.stdlib.BoundLogger, directory: Path, prepared: Prepared) -> None:
    """Say what was done to prepare."""
    if prepared.made:
        log.info("router.prepared", directory=str(directory), made=prepared.made)
    for note in prepared.migrated:
        log.warning("router.config_migrated", copy=str(prepared.config), what=note)
    for user in prepared.users:
        log.info("router.user", what=user)
    if prepared.realm_problem:
        log.warning("router.other_realm", why=prepared.realm_problem)


def _done(arguments: argparse.Namespace, directory: Path, names: list[str], become: Account | None) -> None:
    try:
        changing.say(changing.run(arguments, directory, names, become))
    except ConfigError as error:
        exit_with(str(error), EXIT_CONFIG)


def _names(value: str) -> tuple[str, ...]:
    try:
        return node_names(value)
    except ValueError as error:
        raise ConfigError(f"node add {error}") from error


def _keep(directory: Path, config: str, log_level: int, metrics_port: int | None) -> int:
    # Slow to import: only now that nothing is wrong, and once for all that is forked.
    from sisock_hub import alone, router  # noqa: PLC0415

    router.preload()
    tree = json.loads((directory / config).read_text(encoding="utf-8"))
    workers = router.count_workers(tree)
    hub_beside = alone.is_needed(tree)
    # What crossbar.io calls info is several lines a session; a hub in a worker of it speaks there, too.
    level = router.log_level(log_level) if hub_beside else "info"
    arguments = ["--color", "false", "--loglevel", level]
    tally = Tally(
        ["router", *(["hub"] if hub_beside else []), *(["metrics"] if metrics_port is not None else [])]
    )
    parts = [
        keeper.Part(
            "router", partial(router.run_router, directory, config, workers, arguments, log_level), vital=True
        )
    ]
    if hub_beside:
        parts.append(keeper.Part("hub", partial(alone.run_hub, directory, log_level, tally.listed)))
    if metrics_port is not None:
        parts.append(keeper.Part("metrics", partial(run_metrics, tally, directory, metrics_port)))
    gc.freeze()
    return keeper.Keeper(parts, logs.get(), tally).run()


def _check_free(variable: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError as error:
            raise ConfigError(f"{variable}={port} cannot be listened on ({error.strerror})") from error


if __name__ == "__main__":
    main()
