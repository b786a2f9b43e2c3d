"""What Grafana is provisioned with: of its own schema, consistent, and full of samples on the demo."""

import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.alerting import Rule
from grafana_foundation_sdk.models.dashboard import Dashboard
from grafana_foundation_sdk.models.expr import TypeReduce, TypeThreshold
from sisock_ci.services import services
from sisock_http.dialects.times import moment
from sisock_testing import wait_until
from sisock_testing.influx import Influx
from sisock_testing.stack import free_port

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "compose"
GRAFANA = COMPOSE / "grafana"
FILES = sorted((GRAFANA / "dashboards").glob("*.json"))
MEASURED = sorted((GRAFANA / "dashboards/influxql").glob("*.json"))
RULES = GRAFANA / "examples/alerting.yaml"
OF_NODES = [file for file in FILES if file.stem != "stack"]  # which test_alarms.py asks a real Prometheus for
BUILT_IN = {"prometheus", "influxdb"}
NODES = {service.demo_node for service in services(ROOT) if service.demo_node}
SERVERS = {service.name for service in services(ROOT) if service.node}


def load(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text())


def panels(made: dict[str, Any]) -> list[dict[str, Any]]:
    return made["panels"]


def lost(written: Any, known: Any, where: str = "") -> list[str]:
    """Where something that was written is not in what Grafana's schema knows."""
    if isinstance(written, dict) and isinstance(known, dict):
        return [
            path
            for key, value in written.items()
            for path in (lost(value, known[key], f"{where}.{key}") if key in known else [f"{where}.{key}"])
        ]
    if isinstance(written, list) and isinstance(known, list) and len(written) == len(known):
        pairs = enumerate(zip(written, known, strict=True))
        return [path for i, (a, b) in pairs for path in lost(a, b, f"{where}[{i}]")]
    return [] if written == known else [where]


@pytest.mark.parametrize("file", [*FILES, *MEASURED], ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_a_dashboard_is_of_grafanas_schema(file: Path) -> None:
    register_default_plugins()
    written = load(file)
    # What an annotation asks its data source is the data source's own.
    for annotation in written["annotations"]["list"]:
        del annotation["target"]
    known = json.loads(json.dumps(Dashboard.from_json(written), cls=JSONEncoder))
    assert lost(written, known) == []


def test_there_is_a_dashboard_for_each_data_server_and_a_first_page() -> None:
    assert {file.stem for file in FILES} == SERVERS | {"home", "stack"}
    assert {file.stem for file in MEASURED} == {file.stem for file in OF_NODES} - {"watch", "g3-file-scanner"}
    uids = [load(file)["uid"] for file in (*FILES, *MEASURED)]
    assert len(set(uids)) == len(uids)


def test_every_data_source_that_a_dashboard_names_is_provisioned_with_its_plugin() -> None:
    provisioned = yaml.safe_load((GRAFANA / "provisioning/datasources/sisock.yaml").read_text())
    known = {(source["type"], source["uid"]) for source in provisioned["datasources"]}
    named = {
        (query["datasource"]["type"], query["datasource"]["uid"])
        for file in (*FILES, *MEASURED)
        for panel in panels(load(file))
        for query in [panel, *panel["targets"]]
    }
    assert named == known
    service = yaml.safe_load((GRAFANA / "compose.yaml").read_text())["services"]["grafana"]
    plugins = service["environment"]["GF_PLUGINS_PREINSTALL_SYNC"].split(",")
    assert {plugin.split("@")[0] for plugin in plugins} == {kind for kind, _ in named} - BUILT_IN
    assert "GF_INSTALL_PLUGINS" not in service["environment"]


def test_grafana_finds_its_files_where_they_are_mounted() -> None:
    service = yaml.safe_load((GRAFANA / "compose.yaml").read_text())["services"]["grafana"]
    mounted = {volume.split(":")[-2]: volume.split("}")[-1].split(":")[0] for volume in service["volumes"]}
    provider = yaml.safe_load((GRAFANA / "provisioning/dashboards/sisock.yaml").read_text())["providers"][0]
    directory = provider["options"]["path"]
    assert (GRAFANA / mounted[directory].lstrip("/")) == GRAFANA / "dashboards"
    home = service["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert (GRAFANA / "dashboards" / Path(home).relative_to(directory)).exists()
    assert (GRAFANA / mounted["/etc/grafana/provisioning"].lstrip("/") / "datasources").is_dir()


def rules() -> list[dict[str, Any]]:
    provisioned = yaml.safe_load(RULES.read_text())
    assert provisioned["apiVersion"] == 1
    [group] = provisioned["groups"]
    assert group.keys() == {"orgId", "name", "folder", "interval", "rules"}
    return group["rules"]


@pytest.mark.parametrize("number", [0, 1])
def test_an_example_of_an_alarm_is_of_grafanas_schema(number: int) -> None:
    written = rules()[number]
    # In a file the group says these three.
    of_group = {"folderUID": "sisock", "orgID": 1, "ruleGroup": "sisock"}
    known = json.loads(json.dumps(Rule.from_json(written | of_group), cls=JSONEncoder))
    assert lost(written, known) == []
    assert written["noDataState"] in {"Alerting", "NoData", "OK"}
    assert written["execErrState"] in {"Alerting", "Error", "OK"}
    expressions = {"reduce": TypeReduce, "threshold": TypeThreshold}
    steps = {query["refId"]: query for query in written["data"]}
    for query in written["data"]:
        model = query["model"]
        assert model["refId"] == query["refId"]
        if query["datasourceUid"] == "__expr__":
            made = expressions[model["type"]].from_json(model)
            assert lost(model, json.loads(json.dumps(made, cls=JSONEncoder))) == []
            assert model["expression"] in steps
        else:
            assert query["datasourceUid"] == "sisock-influxql"
            assert model["rawQuery"]
    assert written["condition"] == written["data"][-1]["refId"]


@pytest.mark.skipif(not shutil.which("docker-compose"), reason="docker-compose is not installed")
def test_grafana_goes_beside_a_sites_compose_file(tmp_path: Path) -> None:
    shutil.copy(COMPOSE / "docker-compose.yaml", tmp_path)
    shutil.copytree(GRAFANA, tmp_path / "grafana")
    versions = dict(line.split("=") for line in (COMPOSE / "versions.env").read_text().split())
    environ = {**os.environ, **versions, "SISOCK_REGISTRY": "here", "SQL_PASSWD": "secret"}
    command = ["docker-compose", "-f", "docker-compose.yaml", "-f", "grafana/compose.yaml", "config"]
    done = subprocess.run(
        command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    made = yaml.safe_load(done.stdout)["services"]
    assert made["grafana"]["environment"]["SISOCK_HTTP_URL"] == "http://sisock-http:5000"
    assert "sisock-http" in made
    sources = [Path(volume.split(":")[0]) for volume in made["grafana"]["volumes"]]
    assert all(source.is_dir() for source in sources if source.is_absolute())


@pytest.fixture(scope="module")
def demo(sisock_processes: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the demo's bridge."""
    state = tmp_path_factory.mktemp("demo")
    ports = {name: str(free_port()) for name in ("PORT", "CROSSBAR_TLS_PORT", "CROSSBAR_OCS_PORT")}
    environ = {**os.environ, **ports, "SISOCK_DEMO_STATE": str(state)}
    with (state / "demo.log").open("w") as out:
        process = subprocess.Popen(
            [sys.executable, COMPOSE / "demo"], stdout=out, stderr=out, env=environ, start_new_session=True
        )
    url = f"http://127.0.0.1:{ports['PORT']}"
    family: list[psutil.Process] = []
    try:
        wait_until(lambda: f"ready: {url}/" in (state / "demo.log").read_text(), 90, "the demo is ready")
        yield url
    finally:
        # Each process has a session of its own: they are ended one by one if the runner does not.
        family = psutil.Process(process.pid).children(recursive=True)
        os.killpg(process.pid, signal.SIGINT)
        process.wait(30)
        for left in psutil.wait_procs(family, 10)[1]:
            left.kill()


def value_of(url: str, variable: dict[str, Any]) -> str:
    """A variable's value when the dashboard is opened: the first there is."""
    body = {"payload": {"target": variable["query"]["query"]}}
    values = [one["__value"] for one in requests.post(f"{url}/variable", json=body, timeout=20).json()]
    return values[0]


def ask(url: str, made: dict[str, Any], panel: dict[str, Any]) -> list[dict[str, Any]]:
    """What the bridge answers to a panel as the plugin asks it, variables put in."""
    current = {one["name"]: value_of(url, one) for one in made["templating"]["list"]}
    targets = []
    for query in panel["targets"]:
        name = query["target"]
        for variable, value in current.items():
            name = name.replace(f"${{{variable}}}", value)
        targets.append({**query, "target": name})
    now = time.time()
    limits = {end: moment(made["time"][end], end, now) * 1e3 for end in ("from", "to")}
    body = {"range": limits, "interval": "1m", "maxDataPoints": 500, "targets": targets}
    reply = requests.post(f"{url}/query", json=body, timeout=20)
    assert reply.status_code == 200, reply.text
    return reply.json()


@pytest.mark.parametrize("file", OF_NODES, ids=lambda file: file.stem)
def test_every_panel_shows_samples_on_the_demo_without_a_click(demo: str, file: Path) -> None:
    made = load(file)
    for panel in panels(made):
        if panel["type"] == "table":
            [query] = panel["targets"]
            rows = requests.get(f"{demo}{query['url']}", timeout=20).json()
            assert {row["name"] for row in rows} == NODES
            assert {column["selector"] for column in query["columns"]} <= set(rows[0])
            continue

        def full(panel: dict[str, Any] = panel) -> bool:
            shown = [
                bool(one["datapoints"] if "datapoints" in one else one["data"]["values"][0])
                for one in ask(demo, made, panel)
            ]
            # Of an archive that ended long ago watch never had a state, so that its row is empty.
            return any(shown) if file.stem == "watch" else bool(shown) and all(shown)

        wait_until(full, 30, f"samples in {panel['title']!r} of {file.stem}", step_s=0.5)


def influxql(url: str, text: str, epoch: str = "ms") -> list[dict[str, Any]]:
    """Series that the bridge answers to a statement, as Grafana asks it."""
    asked = {"db": "ocs_feeds", "epoch": epoch, "q": text}
    reply = requests.post(f"{url}/influx/query", data=asked, timeout=20)
    assert reply.status_code == 200, reply.text
    [result] = reply.json()["results"]
    assert "error" not in result, (text, result)
    return result.get("series", [])


def values_of(url: str, variable: dict[str, Any], chosen: dict[str, str]) -> list[str]:
    """Values of a variable: the last column, as Grafana takes it of SHOW MEASUREMENTS; keys, of fields."""
    series = influxql(url, put_in(variable["query"], chosen))
    return [row[0] for one in series for row in one["values"]]


def put_in(text: str, chosen: dict[str, str], span: tuple[float, float] = (0, 0)) -> str:
    """A statement as Grafana sends it."""
    start, end = (round(t * 1e3) for t in span)
    width = max(1, round((end - start) / 500_000))
    for name, value in chosen.items():
        text = text.replace(f"${{{name}}}", value).replace(f"${{{name}:regex}}", value)
    text = text.replace("$timeFilter", f"time >= {start}ms and time <= {end}ms")
    return text.replace("$__interval", f"{width}s")


def spoken() -> list[tuple[str, dict[str, Any], str]]:
    """Every statement that Grafana is given, with the dashboard that has it."""
    made = [
        (f"{file.stem}-{panel['title']}-{query['refId']}", load(file), query["query"])
        for file in MEASURED
        for panel in panels(load(file))
        for query in panel["targets"]
    ]
    # What a rule looks at is as long ago as it says.
    for rule in rules():
        query = rule["data"][0]
        ago = query["relativeTimeRange"]["from"]
        alone = {"time": {"from": f"now-{ago}s", "to": "now"}, "templating": {"list": []}}
        made.append((rule["uid"], alone, query["model"]["query"]))
    return made


@pytest.fixture(scope="module")
def influx(sisock_processes: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Influx]:
    server = Influx(tmp_path_factory.mktemp("influx"))
    yield server
    server.stop()


def copied(influx: Influx, url: str, measurement: str, span: tuple[float, float]) -> None:
    """What the bridge has of a measurement, written to InfluxDB."""
    where = put_in("$timeFilter", {}, span)
    for series in influxql(url, f'SELECT * FROM "{measurement}" WHERE {where} GROUP BY *', "ns"):
        tags = "".join(f",{key}={value}" for key, value in series.get("tags", {}).items() if value)
        lines = []
        for t, *values in series["values"]:
            row = ",".join(
                f"{name.replace(' ', chr(92) + ' ')}={json.dumps(value)}"
                for name, value in zip(series["columns"][1:], values, strict=True)
                if value is not None
            )
            lines.append(f"{measurement}{tags} {row} {t}")
        influx.write("\n".join(lines).encode())


def whole(series: dict[str, Any]) -> bool:
    """Whether each column of a series has a value."""
    return all(any(value is not None for value in column) for column in zip(*series["values"], strict=True))


@pytest.mark.parametrize(("made", "text"), [one[1:] for one in spoken()], ids=[one[0] for one in spoken()])
def test_every_statement_is_answered_with_samples_and_as_influxdb_answers_it(
    demo: str, influx: Influx, made: dict[str, Any], text: str
) -> None:
    def asked() -> tuple[str, list[dict[str, Any]], tuple[float, float]] | None:
        # The span moves on while this waits: what was before the first sample stays empty.
        now = time.time()
        start, end = (moment(made["time"][one], one, now) for one in ("from", "to"))
        # What comes late is there by then.
        span = math.floor(start), math.floor(min(end, now - 5))
        chosen: dict[str, str] = {}
        for variable in made["templating"]["list"]:
            values = values_of(demo, variable, chosen)
            chosen[variable["name"]] = values[0] if values else ""
        statement = put_in(text, chosen, span)
        series = influxql(demo, statement)
        # Some fields come with their node's second reading: of what is copied before, influxd has no column.
        return (statement, series, span) if series and all(whole(one) for one in series) else None

    statement, ours, span = wait_until(asked, 60, f"samples of {text}", step_s=0.5)
    influx.forget()
    influx.create()
    if statement == "SHOW MEASUREMENTS":
        assert NODES & {row[0] for row in ours[0]["values"]}
        assert influx.ask(statement)["results"] == [{"statement_id": 0}]
        return
    [measurement] = {series["name"] for series in ours}
    copied(influx, demo, measurement, span)
    ours = influxql(demo, statement)
    theirs = influx.ask(statement, epoch="ms")["results"][0].get("series", [])
    assert [(one["name"], one.get("tags"), one["columns"]) for one in ours] == [
        (one["name"], one.get("tags"), one["columns"]) for one in theirs
    ]
    for mine, other in zip(ours, theirs, strict=True):
        assert len(mine["values"]) == len(other["values"])
        for row, their_row in zip(mine["values"], other["values"], strict=True):
            assert plain(row) == pytest.approx(plain(their_row), rel=1e-9, nan_ok=True), (
                statement,
                row,
                their_row,
            )


def plain(row: list[Any]) -> list[Any]:
    return [math.nan if value is None else value for value in row]


def test_the_annotation_of_every_dashboard_tells_of_the_nodes(demo: str) -> None:
    [annotation] = load(FILES[0])["annotations"]["list"]
    body = {
        "range": {"from": 0, "to": (time.time() + 60) * 1e3},
        "targets": [annotation["target"]],
    }
    [frame] = requests.post(f"{demo}/query", json=body, timeout=20).json()
    assert {f"{node} online" for node in NODES} <= set(frame["data"]["values"][2])
