"""Run the HTTP bridge."""

import os
import socket
import sys
import time
from functools import partial

import structlog
from sisock import logs, metrics
from sisock.auth import CERTIFICATE
from sisock.config import load
from sisock.errors import ConfigError
from sisock.runner import EXIT_CONFIG, exit_with, run_until_stopped, the_reactor
from sisock_consumer.consumer import Consumer, NodeInfo
from sisock_site import SiteFile
from twisted.internet.error import CannotListenError

from sisock_http.asking.gather import Asker
from sisock_http.asking.keeping import Keeper
from sisock_http.asking.one_node import NodeAsker
from sisock_http.asking.tails import Tails
from sisock_http.config import HttpConfig
from sisock_http.dialects.api import Api
from sisock_http.dialects.grafana import Grafana
from sisock_http.dialects.influxql.interface import Influx
from sisock_http.dialects.kept import KeptReplies
from sisock_http.dialects.states import States
from sisock_http.measures import Measures, Presence
from sisock_http.observatory.catalogue import Catalogue
from sisock_http.observatory.site import SiteWatch
from sisock_http.observatory.watching import Watching
from sisock_http.web.admission import Admission
from sisock_http.web.application import Application
from sisock_http.web.door import Door, asks
from sisock_http.web.hosts import known_hosts
from sisock_http.web.pages import Pages
from sisock_http.web.routes import make_routes
from sisock_http.web.stream import Stream
from sisock_http.web.tokens import READ, Tokens

OPEN = (
    "whoever reaches the port reads everything; `sisock-http token add NAME` and a restart close it, "
    "REQUIRE_TOKENS=no says that this is meant"
)

REPLIES_SHARE = 4
"""The part of what is kept that is replies as they are sent; the rest is what they are made of."""


def _tell(log: structlog.stdlib.BoundLogger, config: HttpConfig, door: Door) -> None:
    """Say where we listen; and, unless somebody said that this is meant, that everybody is let in."""
    log.info("http.listening", port=config.port, tokens="asked for" if door.asks else "not asked for")
    if not door.asks and config.require_tokens is None and not config.listen:
        log.warning("http.open", why=OPEN)


def main() -> None:
    """Serve until told to stop, or do what a command says."""
    if sys.argv[1:]:
        from sisock_http.web import token_command  # noqa: PLC0415 (who serves has no use for it)

        sentence = token_command.main(sys.argv[1:])
        exit_with(sentence, EXIT_CONFIG if sentence else 0)
    reactor = the_reactor()
    try:
        config = load(HttpConfig, os.environ)
        logs.configure("http", config.log_level).follow_signal()
        log = logs.get()
        tokens = Tokens(config.tokens_file, reactor.seconds, log.error)
        consumer = Consumer(reactor, config, log, most_reply_bytes=config.max_reply_bytes)
    except ConfigError as error:
        exit_with(str(error), EXIT_CONFIG)
    registry = metrics.make_registry("sisock-http")
    measures = Measures(registry)
    site_file = SiteFile(config.site_file)
    catalogue = Catalogue(reactor, time.time, logs.get("catalogue"), consumer, lambda: site_file.site)
    site = SiteWatch(reactor, logs.get("site"), site_file, catalogue.site_changed)
    watching = Watching(consumer, catalogue)
    node_asker = NodeAsker(reactor, consumer, catalogue, logs.get("asker"), config.most_waiting, measures)
    for collector in (
        metrics.RouterLink(consumer.connection),
        metrics.Certificate(config.crossbar_dir / CERTIFICATE),
        Presence(catalogue, consumer),
    ):
        registry.register(collector)
    for_replies = config.kept_bytes // REPLIES_SHARE
    keeper = Keeper(reactor, catalogue, node_asker, time.time, config.kept_bytes - for_replies)
    asker = Asker(reactor, catalogue, keeper)
    door = Door(
        tokens,
        asks=asks(config.require_tokens, config.listen, made=tokens.there),
        anybody_notes=config.allow_notes,
        say=logs.get("door").warning,
    )
    api = Api(
        reactor,
        consumer,
        catalogue,
        asker,
        kept := KeptReplies(for_replies),
        time.time,
        lambda: site.problems,
        lambda: site.site.zone,
        allow_notes=config.allow_notes or tokens.there,
        asks=door.asks,
    )
    stream = Stream(
        reactor,
        watching,
        Tails(reactor, catalogue, asker, time.time),
        api.here,
        lambda request: door.may(request, READ),
    )

    def updated(node: NodeInfo) -> None:
        keeper.updated(node)
        stream.updated(node)

    consumer.watch(catalogue, catalogue.fields_changed, updated)
    measures.asks(door.asks)
    routes = make_routes(
        Grafana(reactor, consumer, catalogue, asker, kept),
        api,
        States(watching, catalogue, time.time),
        stream,
        Influx(reactor, consumer, catalogue, asker, time.time, config.influx_databases),
        Pages(api.first),
        Admission(reactor, config.query_deadline_s, config.max_queries),
        door,
        partial(metrics.text, registry),
    )
    application = Application(
        reactor,
        routes,
        logs.get("app"),
        door,
        config.cors_origin,
        known_hosts(
            config.allowed_hosts, config.port, config.crossbar_dir / CERTIFICATE, socket.gethostname()
        ),
        config.frame_ancestors,
        measures,
    )
    try:
        listening = reactor.listenTCP(config.port, application.site(), interface=config.listen)
        metrics.listen(reactor, registry, config.metrics_port)
    except ConfigError as error:
        exit_with(str(error), EXIT_CONFIG)
    except CannotListenError as error:
        exit_with(f"PORT={config.port} cannot be listened on ({error.socketError})", EXIT_CONFIG)
    _tell(log, config, door)
    site.start()

    async def goodbye() -> None:
        site.stop()
        await listening.stopListening()
        await consumer.stop()

    exit_with("", run_until_stopped(reactor, consumer.run, goodbye, log))


if __name__ == "__main__":
    main()
