"""Alarms with Debian's Prometheus and Alertmanager: rules against made series, and a real stack end to end.

How long an alarm and its all-clear took is printed. A machine without them skips, but for `make test`,
which installs them.
"""

import http.server
import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from sisock_testing import Process, Stack, wait_until
from sisock_testing.stack import free_port

COMPOSE = Path(__file__).parents[1]
ALERTS = COMPOSE / "alerts"
IMPATIENT_FEED = Path(__file__).with_name("impatient_feed.py")
SITE = """
[[fields]]
match = "sensors::host_memory_*"
metric = true

[[fields]]
match = "sensors::host_memory_used"
limits = { alarm = { high = 1000.0 } }
"""
BAD_LIMIT = SITE.replace("1000.0", "-1.0")
FEW_S = "200ms"
SCRAPE_S = "1s"
"""An answer has as long: a busy machine is no alarm."""

DEADLINE_S = 150.0  # for a machine that does much else
"""Then waiting ends; nothing is asserted of how much sooner it did."""

pytestmark = [
    pytest.mark.timeout(400),
    pytest.mark.skipif(
        not all(map(shutil.which, ("prometheus", "promtool", "prometheus-alertmanager", "amtool"))),
        reason="Debian's prometheus and prometheus-alertmanager are not installed",
    ),
]


def tool(*words: Any) -> str:
    """What a tool says of its input, which must be fine."""
    done = subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, timeout=60, check=False
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    return said


def test_promtool_finds_the_rules_and_the_configuration_sound() -> None:
    tool("promtool", "check", "rules", *sorted(ALERTS.glob("rules/*.yml")))
    tool("promtool", "check", "config", "--syntax-only", ALERTS / "prometheus.yml")
    tool("amtool", "check-config", ALERTS / "alertmanager.yml")


def test_the_rules_tell_what_they_are_meant_to_and_nothing_else() -> None:
    for file in sorted(ALERTS.glob("tests/*.yml")):
        tool("promtool", "test", "rules", file)


def rules() -> list[dict[str, Any]]:
    """Every rule that a site gets."""
    files = [yaml.safe_load(file.read_text()) for file in sorted(ALERTS.glob("rules/*.yml"))]
    return [rule for file in files for group in file["groups"] for rule in group["rules"]]


def test_every_rule_is_tested_and_described() -> None:
    tested = "".join(file.read_text() for file in ALERTS.glob("tests/*.yml"))
    described = (COMPOSE.parent / "docs/alarms.md").read_text()
    names = [rule["alert"] for rule in rules()]
    assert [name for name in names if f"alertname: {name}\n" not in tested] == []
    assert [name for name in names if f"`{name}`" not in described] == []


@pytest.mark.skipif(not shutil.which("docker-compose"), reason="docker-compose is not installed")
def test_alarms_go_beside_a_sites_compose_file_and_every_service_tells(tmp_path: Path) -> None:
    for name in ("docker-compose.yaml", "alerts.yaml"):
        shutil.copy(COMPOSE / name, tmp_path)
    shutil.copytree(ALERTS, tmp_path / "alerts")
    versions = (COMPOSE / "versions.env").read_text()
    (tmp_path / ".env").write_text(f"{versions}\nSISOCK_REGISTRY=here\nSQL_PASSWD=secret\n")
    command = ["docker-compose", "-f", "docker-compose.yaml", "-f", "alerts.yaml", "config"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    services = yaml.safe_load(done.stdout)["services"]
    [made] = yaml.safe_load((ALERTS / "targets/sisock.yml").read_text())
    asked = {target.partition(":")[0]: target.partition(":")[2] for target in made["targets"]}
    assert asked.keys() == services.keys() - {"database", "prometheus", "alertmanager"}
    for name, port in asked.items():
        if name != "sisock-http":
            assert services[name]["environment"]["METRICS_PORT"] == port
    for name in ("prometheus", "alertmanager"):
        mounted = [volume.split(":")[0] for volume in services[name]["volumes"] if volume.startswith("/")]
        assert mounted
        assert all(Path(source).exists() for source in mounted)


class Receiver:
    """A webhook that remembers what it is told, and when."""

    def __init__(self) -> None:
        told: list[tuple[float, dict[str, Any]]] = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                told.extend((time.monotonic(), alert) for alert in body["alerts"])
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.told = told
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def when(self, status: str, since: float, **labels: str) -> float:
        """The first time after `since` that it was told so; 0 if never."""
        for at, alert in list(self.told):
            if at >= since and alert["status"] == status and labels.items() <= alert["labels"].items():
                return at
        return 0.0


class Watched:
    """A stack with all that a site has for alarms, only quicker."""

    def __init__(self, stack: Stack) -> None:
        self.stack, self.receiver = stack, Receiver()
        self.ports = {
            name: free_port()
            for name in ("hub", "sensors", "watch", "data-feed", "scanner", "http", "prometheus", "alerts")
        }
        self.prometheus = f"http://127.0.0.1:{self.ports['prometheus']}"
        self.alertmanager = f"http://127.0.0.1:{self.ports['alerts']}"
        self.site = stack.directory / "site.toml"
        self.site.write_text(SITE)
        (stack.directory / "g3").mkdir()
        self._configure(stack.directory)

    def _configure(self, directory: Path) -> None:
        """The site's own files, with our ports and shorter times."""
        shutil.copytree(ALERTS, directory / "alerts")
        made = yaml.safe_load((ALERTS / "prometheus.yml").read_text())
        made["global"] = {
            "scrape_interval": SCRAPE_S,
            "scrape_timeout": SCRAPE_S,
            "evaluation_interval": FEW_S,
        }
        made["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = [self.alertmanager[7:]]
        made["scrape_configs"][1]["static_configs"][0]["targets"] = [self.alertmanager[7:]]
        (directory / "alerts/prometheus.yml").write_text(yaml.safe_dump(made))
        ours = [
            f"127.0.0.1:{self.ports[n]}" for n in ("hub", "sensors", "watch", "data-feed", "scanner", "http")
        ]
        (directory / "alerts/targets/sisock.yml").write_text(yaml.safe_dump([{"targets": ours}]))
        for file in (directory / "alerts/rules").glob("*.yml"):
            told = yaml.safe_load(file.read_text())
            for rule in (rule for group in told["groups"] for rule in group["rules"]):
                if "for" in rule:
                    rule["for"] = "1s"
            file.write_text(yaml.safe_dump(told))
        manager = yaml.safe_load((ALERTS / "alertmanager.yml").read_text())
        manager["route"] |= {"group_wait": FEW_S, "group_interval": FEW_S}
        manager["receivers"][0]["webhook_configs"] = [{"url": self.receiver.url, "send_resolved": True}]
        (directory / "alerts/alertmanager.yml").write_text(yaml.safe_dump(manager))

    def start(self) -> None:
        ports = {name: str(port) for name, port in self.ports.items()}
        self.stack.start_hub(METRICS_PORT=ports["hub"])
        self.start_sensors()
        self.stack.start_module("sisock_http", PORT=ports["http"])
        self.start_watch()
        feed = {"METRICS_PORT": ports["data-feed"], "TARGET": "demo", "NAME": "feed", "DESCRIPTION": ""}
        self.stack.start("sisock_data_feed", [sys.executable, str(IMPATIENT_FEED)], **feed)
        self.start_agent()
        scanned = {"DATA_DIRECTORY": str(self.stack.directory / "g3"), "SQL_FILE": "index.sqlite"}
        self.stack.start_module("sisock_g3_file_scanner", METRICS_PORT=ports["scanner"], **scanned)
        storage = ["--storage.path=am", "--cluster.listen-address="]
        self.stack.start(
            "alertmanager",
            [
                "prometheus-alertmanager",
                "--config.file=alerts/alertmanager.yml",
                f"--web.listen-address=127.0.0.1:{ports['alerts']}",
                *storage,
            ],
        )
        self.stack.start(
            "prometheus",
            [
                "prometheus",
                "--config.file=alerts/prometheus.yml",
                "--storage.tsdb.path=tsdb",
                f"--web.listen-address=127.0.0.1:{ports['prometheus']}",
            ],
        )

    def start_sensors(self) -> Process:
        return self.stack.start_module("sisock_sensors", METRICS_PORT=str(self.ports["sensors"]))

    def start_watch(self) -> Process:
        return self.stack.start_module(
            "sisock_watch",
            METRICS_PORT=str(self.ports["watch"]),
            SITE_FILE=str(self.site),
            STATE_DB="watch.sqlite",
        )

    def start_agent(self) -> Process:
        return self.stack.start_module("sisock_data_feed.synthetic", TARGET="demo")

    def ask(self, expression: str) -> list[dict[str, Any]]:
        """What Prometheus answers; nothing while it is not up."""
        try:
            answer = requests.get(f"{self.prometheus}/api/v1/query", params={"query": expression}, timeout=10)
        except requests.ConnectionError:
            return []
        if answer.status_code == 503:  # it has not read its storage yet
            return []
        reply = answer.json()
        assert reply["status"] == "success", reply
        return reply["data"]["result"]

    def drill(self, what: str, alarm: str, began: float, **labels: str) -> str:
        """Wait until the receiver was told; a line with how long that took."""
        status = "resolved" if what == "all-clear" else "firing"
        at = wait_until(
            lambda: self.receiver.when(status, began, alertname=alarm, **labels),
            DEADLINE_S,
            f"{what} of {alarm} ({[alert['labels'] for _, alert in self.receiver.told]})",
        )
        return f"{alarm} {what} after {at - began:.1f} s"


@pytest.fixture(scope="module")
def watched(sisock_processes: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """A stack that Prometheus reads, every part of it."""
    stack = Stack(tmp_path_factory.mktemp("alarms"))
    made = Watched(stack)
    try:
        made.start()
        wait_until(
            lambda: (
                len(made.ask('up{job="sisock"} == 1')) == 6 and made.ask('sisock_node_online{node="sensors"}')
            ),
            90,
            "Prometheus reads all services",
        )
        yield made
    finally:
        stack.stop()
        made.receiver.server.shutdown()
        made.receiver.server.server_close()


def test_a_killed_node_is_told_and_its_return_too(
    watched: Watched, record_property: Callable[[str, object], None]
) -> None:
    began = time.monotonic()
    watched.stack.processes["sisock_sensors"].kill()
    lines = [watched.drill("alarm", "SisockNodeAway", began, node="sensors")]
    lines.append(watched.drill("alarm", "SisockServiceDown", began))
    began = time.monotonic()
    watched.start_sensors()
    lines.append(watched.drill("all-clear", "SisockNodeAway", began, node="sensors"))
    lines.append(watched.drill("all-clear", "SisockServiceDown", began))
    record_property("measured", "sensors killed: " + "; ".join(lines))


def test_a_field_out_of_its_limits_is_told_and_its_return_too(
    watched: Watched, record_property: Callable[[str, object], None]
) -> None:
    field = "sensors::host_memory_used"
    wait_until(
        lambda: watched.ask(f'sisock_field_state{{field="{field}", state="fresh"}}'), DEADLINE_S, "fresh"
    )
    began = time.monotonic()
    watched.site.write_text(BAD_LIMIT)
    lines = [watched.drill("alarm", "SisockFieldState", began, field=field, state="alarm")]
    began = time.monotonic()
    watched.site.write_text(SITE)
    lines.append(watched.drill("all-clear", "SisockFieldState", began, field=field, state="alarm"))
    record_property("measured", f"limit of {field} changed: " + "; ".join(lines))


def test_a_killed_watch_is_told_and_no_field_is_called_well_because_of_that(
    watched: Watched, record_property: Callable[[str, object], None]
) -> None:
    field = "sensors::host_memory_used"
    told = f'sisock_field_state{{field="{field}", state="alarm"}}'
    wait_until(lambda: watched.ask('sisock_fields{state="fresh"}'), DEADLINE_S, "watch tells")
    began = time.monotonic()
    watched.site.write_text(BAD_LIMIT)
    watched.drill("alarm", "SisockFieldState", began, field=field, state="alarm")
    # What the rule goes by looks back every 15 s.
    wait_until(lambda: watched.ask(f"max_over_time(timestamp({told})[1h:15s])"), DEADLINE_S, "it lasts")
    began = time.monotonic()
    watched.stack.processes["sisock_watch"].kill()
    lines = [watched.drill("alarm", "SisockNodeAway", began, node="watch")]
    lines.append(watched.drill("alarm", "SisockServiceDown", began))
    assert not watched.ask(told)
    assert not watched.receiver.when("resolved", began, alertname="SisockFieldState", field=field)
    began = time.monotonic()
    watched.start_watch()
    lines.append(watched.drill("all-clear", "SisockNodeAway", began, node="watch"))
    lines.append(watched.drill("all-clear", "SisockServiceDown", began))
    wait_until(lambda: watched.ask(told), DEADLINE_S, "watch tells of the alarm again")
    began = time.monotonic()
    watched.site.write_text(SITE)
    lines.append(watched.drill("all-clear", "SisockFieldState", began, field=field, state="alarm"))
    record_property("measured", "watch killed: " + "; ".join(lines))


def test_a_killed_router_is_told_and_its_return_too(
    watched: Watched, record_property: Callable[[str, object], None]
) -> None:
    started = float(watched.ask("sisock_router_sessions_total")[0]["value"][1])
    hub = watched.stack.processes["hub"]
    began = time.monotonic()
    hub.kill()
    lines = [watched.drill("alarm", "SisockRouterAway", began)]
    began = time.monotonic()
    watched.stack.start_hub(METRICS_PORT=str(watched.ports["hub"]))
    lines.append(watched.drill("all-clear", "SisockRouterAway", began))
    assert float(watched.ask("max(sisock_router_sessions_total)")[0]["value"][1]) > started
    record_property("measured", "router killed: " + "; ".join(lines))


def test_a_feed_that_stops_is_told_and_its_return_too(
    watched: Watched, record_property: Callable[[str, object], None]
) -> None:
    feed = "observatory.demo.feeds.temperatures"
    wait_until(
        lambda: watched.ask(f'sisock_feed_heard_timestamp_seconds{{feed="{feed}"}}'), DEADLINE_S, "heard"
    )
    began = time.monotonic()
    watched.stack.processes["sisock_data_feed.synthetic"].kill()
    lines = [watched.drill("alarm", "SisockFeedSilent", began, feed=feed)]
    began = time.monotonic()
    watched.start_agent()
    lines.append(watched.drill("all-clear", "SisockFeedSilent", began, feed=feed))
    record_property("measured", "feed stopped: " + "; ".join(lines))


def test_what_is_silenced_is_shown_as_such(watched: Watched) -> None:
    began = time.monotonic()
    watched.stack.processes["sisock_sensors"].kill()
    watched.drill("alarm", "SisockNodeAway", began, node="sensors")
    tool(
        "amtool",
        f"--alertmanager.url={watched.alertmanager}",
        "silence",
        "add",
        "-c",
        "seen",
        "-a",
        "me",
        "node=sensors",
    )

    def state() -> list[str]:
        alerts = requests.get(f"{watched.alertmanager}/api/v2/alerts", timeout=10).json()
        return [one["status"]["state"] for one in alerts if one["labels"].get("node") == "sensors"]

    wait_until(lambda: state() == ["suppressed"], DEADLINE_S, "the alarm is shown as silenced")
    watched.start_sensors()


def test_every_panel_of_the_dashboard_of_sisock_itself_has_something_to_show(watched: Watched) -> None:
    made = json.loads((COMPOSE / "grafana/dashboards/stack.json").read_text())
    requests.get(f"http://127.0.0.1:{watched.ports['http']}/nowhere", timeout=10)
    limits = {"from": 0, "to": time.time() * 1e3}
    body = {"range": limits, "targets": [{"target": "sensors::host_memory_used"}]}
    for panel in made["panels"]:
        queries = [one["expr"].replace("$__rate_interval", "1m") for one in panel["targets"] if "expr" in one]

        def full(queries: list[str] = queries) -> bool:
            requests.post(f"http://127.0.0.1:{watched.ports['http']}/query", json=body, timeout=20)
            return any(watched.ask(query) for query in queries)

        if queries and panel["title"] != "Caches":  # g3-reader's and the archives', which are not here
            wait_until(full, DEADLINE_S, f"something in {panel['title']!r}")
