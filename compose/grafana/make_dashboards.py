"""The dashboards that Grafana is provisioned with: one for each data server, and the first page.

The tables at the end are what there is to change; `sisock-ci make` writes the files. A data server that
has no table of its own here has a dashboard that shows all of its fields. Those in ``influxql`` show the same
through Grafana's own InfluxDB data source, with no plugin.
"""

import json
from collections.abc import Iterable
from typing import Any

SERIES = {"type": "simpod-json-datasource", "uid": "sisock"}
ROWS = {"type": "yesoreyeram-infinity-datasource", "uid": "sisock-infinity"}
COUNTS = {"type": "prometheus", "uid": "sisock-prometheus"}
MEASURED = {"type": "influxdb", "uid": "sisock-influxql"}
ALARMS = {"type": "yesoreyeram-infinity-datasource", "uid": "sisock-alertmanager"}
COLUMNS, HEIGHT = 24, 9
SCHEMA = 41  # Grafana 11.6 reads it; later ones bring it up to date themselves


def target(name: str, ref_id: str = "A") -> dict[str, Any]:
    """A query of simpod's builder."""
    return {"refId": ref_id, "datasource": SERIES, "editorMode": "builder", "target": name, "payload": {}}


def plot(title: str, *names: str, unit: str = "") -> dict[str, Any]:
    """A panel of time series; gaps stay gaps."""
    defaults: dict[str, Any] = {"custom": {"drawStyle": "line", "lineWidth": 1, "spanNulls": False}}
    if unit:
        defaults["unit"] = unit
    return {
        "type": "timeseries",
        "title": title,
        "datasource": SERIES,
        "targets": [target(name, chr(65 + i)) for i, name in enumerate(names)],
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": {
            "legend": {
                "displayMode": "table",
                "placement": "bottom",
                "showLegend": True,
                "calcs": ["min", "max", "lastNotNull"],
            },
            "tooltip": {"mode": "multi", "sort": "none"},
        },
    }


def statement(query: str, ref_id: str = "A", *, shape: str = "time_series") -> dict[str, Any]:
    """A query in InfluxQL, as Grafana's editor keeps what was written by hand."""
    made = {"refId": ref_id, "datasource": MEASURED, "query": query, "rawQuery": True, "resultFormat": shape}
    return {**made, "alias": "$tag_feed $col"} if "GROUP BY" in query and "feed" in query else made


def measured(title: str, measurement: str, *fields: str, tags: str = "", unit: str = "") -> dict[str, Any]:
    """A plot of a measurement: of a field its least, mean and greatest, of a pattern of fields the means.

    A mean alone would hide a spike, which is what least and greatest are for.
    """
    columns = [
        f"mean(/{field}/)" if field.startswith("^") else f'min("{field}"), mean("{field}"), max("{field}")'
        for field in fields
    ]
    range_ = "WHERE $timeFilter GROUP BY time($__interval)"
    queries = [
        f'SELECT {one} FROM "{measurement}" {range_}{tags} fill(none)'  # noqa: S608 (it only reads)
        for one in columns
    ]
    targets = [statement(query, chr(65 + i)) for i, query in enumerate(queries)]
    return {**plot(title, unit=unit), "datasource": MEASURED, "targets": targets}


def listed(title: str, query: str) -> dict[str, Any]:
    """A table of what a SHOW says."""
    made = table(title, MEASURED, "", [])
    return {**made, "targets": [statement(query, shape="table")]}


def counted(title: str, *queries: tuple[str, str], unit: str = "") -> dict[str, Any]:
    """A panel of what Prometheus keeps: expressions, and how the legend names what they give."""
    targets = [
        {
            "refId": chr(65 + i),
            "datasource": COUNTS,
            "editorMode": "code",
            "expr": expression,
            "legendFormat": legend,
            "range": True,
        }
        for i, (expression, legend) in enumerate(queries)
    ]
    return {**plot(title, unit=unit), "datasource": COUNTS, "targets": targets}


def nodes(title: str) -> dict[str, Any]:
    """A table of who is online, from the plain interface."""
    columns = [("name", "string"), ("description", "string"), ("fields", "number"), ("problem", "string")]
    return table(title, ROWS, "/api/v1/nodes", [(name, name, kind) for name, kind in columns])


def alarms(title: str) -> dict[str, Any]:
    """A table of what is wrong now; what somebody silenced is shown as ``suppressed``."""
    columns = [
        ("status.state", "state", "string"),
        ("labels.severity", "severity", "string"),
        ("annotations.summary", "what", "string"),
        ("startsAt", "since", "timestamp"),
        ("labels.alertname", "alarm", "string"),
    ]
    return table(title, ALARMS, "/api/v2/alerts", columns)


def table(
    title: str, source: dict[str, str], address: str, columns: list[tuple[str, str, str]]
) -> dict[str, Any]:
    """A table of JSON: where each column is found, its title, and its type."""
    query = {
        "refId": "A",
        "datasource": source,
        "type": "json",
        "source": "url",
        "format": "table",
        "parser": "backend",
        "url": address,
        "url_options": {"method": "GET", "data": ""},
        "root_selector": "",
        "columns": [{"selector": found, "text": name, "type": kind} for found, name, kind in columns],
        "filters": [],
    }
    return {
        "type": "table",
        "title": title,
        "datasource": source,
        "targets": [query],
        "fieldConfig": {"defaults": {}, "overrides": []},
        "options": {"showHeader": True},
    }


def variable(name: str, label: str, query: str, *, multi: bool) -> dict[str, Any]:
    """A variable whose values are asked of the bridge when the dashboard is opened; the first is taken."""
    return {
        "type": "query",
        "name": name,
        "label": label,
        "datasource": SERIES,
        "query": {"query": query, "format": "string"},
        "refresh": 1,
        "sort": 1,
        "multi": multi,
        "includeAll": False,
        "current": {},
    }


def chosen(name: str, label: str, query: str, *, multi: bool) -> dict[str, Any]:
    """A variable whose values a SHOW gives."""
    return {**variable(name, label, "", multi=multi), "datasource": MEASURED, "query": query}


def dashboard(
    uid: str,
    title: str,
    panels: list[dict[str, Any]],
    *,
    start: str = "now-6h",
    end: str = "now",
    refresh: str = "10s",
    variables: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """A dashboard, its panels two in a row, the last one alone in its row if there is no other."""
    placed = []
    for i, panel in enumerate(panels):
        alone = i == len(panels) - 1 and i % 2 == 0
        position = {
            "x": COLUMNS // 2 * (i % 2),
            "y": HEIGHT * (i // 2),
            "w": COLUMNS if alone else COLUMNS // 2,
            "h": HEIGHT,
        }
        placed.append({"id": i + 1, "gridPos": position, **panel})
    events = {
        "name": "nodes that came and went",
        "datasource": SERIES,
        "enable": True,
        "iconColor": "purple",
        "target": target("sisock::events", "Anno"),
    }
    return {
        "uid": uid,
        "title": title,
        "tags": ["sisock"],
        "schemaVersion": SCHEMA,
        "timezone": "utc",
        "editable": True,
        "graphTooltip": 1,
        "time": {"from": start, "to": end},
        "refresh": refresh,
        "templating": {"list": variables or []},
        "annotations": {"list": [events]},
        "panels": placed,
    }


def apex(node: str, *fields: str) -> list[dict[str, Any]]:
    """A plot for each field of a weather station."""
    return [plot(field.removeprefix("apex_").capitalize(), f"{node}::{field}") for field in fields]


def dashboards(services: Iterable[Any]) -> dict[str, dict[str, Any]]:
    """Every dashboard, by the name of its file: the tables below, and one for each other service's node."""
    others = {
        service.name: dashboard(
            f"sisock-{service.name}",
            service.name.replace("-", " ").capitalize(),
            [plot("Everything", f"{service.demo_node}::.*")],
        )
        for service in services
        if service.demo_node
    }
    return others | _tables() | {f"influxql/{name}": made for name, made in _of_measurements().items()}


def _tables() -> dict[str, dict[str, Any]]:
    feed = variable("feed", "Feed", "live", multi=False)
    archived = variable("field", "Field", "fields(g3_reader)", multi=True)
    return {
        "home": dashboard(
            "sisock",
            "sisock",
            [
                plot("Host", "sensors::host_load_.*"),
                plot("Live: ${feed}", "${feed}::.*"),
                plot("Precipitable water", "ucsc_radiometer::pwv"),
                nodes("Data nodes online"),
            ],
            start="now-1h",
            variables=[feed],
        ),
        "stack": dashboard("sisock-stack", "sisock itself", _stack(), start="now-6h", refresh="30s"),
        "weather": dashboard(
            "sisock-weather",
            "APEX weather, bundled sample",
            apex(
                "apex_archive",
                "apex_radiometer",
                "apex_humidity",
                "apex_pressure",
                "apex_temperature",
                "apex_windspeed",
            ),
            start="2017-07-13T00:00:00.000Z",
            end="2017-07-28T00:00:00.000Z",
            refresh="",
        ),
        "sensors": dashboard(
            "sisock-sensors",
            "Host",
            [
                plot("Load", "sensors::host_load_.*"),
                plot("Memory and disks", "sensors::host_(memory|disk)_.*", unit="percent"),
                plot("Everything", "sensors::.*"),
            ],
            start="now-1h",
        ),
        "apex-weather": dashboard(
            "sisock-apex-weather",
            "APEX weather",
            apex(
                "apex_weather",
                "temperature",
                "dewpoint",
                "humidity",
                "pressure",
                "windspeed",
                "winddirection",
                "radiometer",
            ),
            start="now-2d",
            refresh="1m",
        ),
        "radiometer": dashboard(
            "sisock-radiometer",
            "UCSC radiometer",
            [plot("Precipitable water", "ucsc_radiometer::pwv")],
            start="now-2d",
            refresh="1m",
        ),
        "data-feed": dashboard(
            "sisock-data-feed",
            "OCS feed",
            [plot("All channels", "${feed}::.*")],
            start="now-15m",
            refresh="5s",
            variables=[feed],
        ),
        "g3-reader": dashboard(
            "sisock-g3-reader",
            "Housekeeping archive",
            [plot("${field}", "g3_reader::${field}")],
            start="now-30d",
            refresh="",
            variables=[archived],
        ),
    }


def _of_measurements() -> dict[str, dict[str, Any]]:
    """What the tables above show, in InfluxQL: feeds by their agent's address, others by their node."""
    agent = chosen("agent", "Agent", "SHOW MEASUREMENTS WITH MEASUREMENT =~ /^observatory/", multi=False)
    field = chosen("field", "Field", 'SHOW FIELD KEYS FROM "${agent}"', multi=True)

    def made(name: str, title: str, panels: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        uid = "-".join(filter(None, ["sisock-influxql", name]))
        return dashboard(uid, f"{title} (InfluxQL)", panels, **more)

    def stations(measurement: str, *fields: str) -> list[dict[str, Any]]:
        return [measured(one.removeprefix("apex_").capitalize(), measurement, one) for one in fields]

    weather = ("radiometer", "humidity", "pressure", "temperature", "windspeed")
    live = ("temperature", "dewpoint", "humidity", "pressure", "windspeed", "winddirection", "radiometer")
    pwv = measured("Precipitable water", "ucsc_radiometer", "pwv")
    return {
        "home": made(
            "",
            "sisock",
            [
                measured("Host", "sensors", "^host_load_"),
                measured("Live: ${agent}", "${agent}", "^", tags=', "feed"'),
                pwv,
                listed("Measurements", "SHOW MEASUREMENTS"),
            ],
            start="now-1h",
            variables=[agent],
        ),
        "weather": made(
            "weather",
            "APEX weather, bundled sample",
            stations("apex_archive", *(f"apex_{one}" for one in weather)),
            start="2017-07-13T00:00:00.000Z",
            end="2017-07-28T00:00:00.000Z",
            refresh="",
        ),
        "sensors": made(
            "sensors",
            "Host",
            [
                measured("Load", "sensors", "^host_load_"),
                measured("Memory and disks", "sensors", "^host_(memory|disk)_", unit="percent"),
                measured("Everything", "sensors", "^"),
            ],
            start="now-1h",
        ),
        "apex-weather": made(
            "apex-weather", "APEX weather", stations("apex_weather", *live), start="now-2d", refresh="1m"
        ),
        "radiometer": made("radiometer", "UCSC radiometer", [pwv], start="now-2d", refresh="1m"),
        "data-feed": made(
            "data-feed",
            "OCS feed",
            [measured("All channels", "${agent}", "^", tags=', "feed"')],
            start="now-15m",
            refresh="5s",
            variables=[agent],
        ),
        "g3-reader": made(
            "g3-reader",
            "Housekeeping archive",
            [measured("${field}", "${agent}", "^(${field:regex})$", tags=', "feed"')],
            start="now-30d",
            refresh="",
            variables=[agent, field],
        ),
    }


def _stack() -> list[dict[str, Any]]:
    """How sisock itself fares: what docs/alarms.md lists."""
    rate = "$__rate_interval"
    return [
        alarms("Alarms"),
        counted("Fields in each state", ("sum by (state) (sisock_fields)", "{{state}}")),
        counted("Services that answer", ('up{job="sisock"}', "{{instance}}")),
        counted("Data nodes online", ("max by (node) (sisock_node_online)", "{{node}}")),
        counted(
            "Sessions with the router",
            ("increase(sisock_router_sessions_total[1h])", "{{instance}}, new in an hour"),
            ("increase(sisock_part_starts_total[1h])", "starts of the {{part}}"),
        ),
        counted(
            "Time to answer, 90 %",
            (
                "histogram_quantile(0.9, sum by (node, le) "
                f"(rate(sisock_node_answer_seconds_bucket[{rate}])))",
                "{{node}}",
            ),
            unit="s",
        ),
        counted(
            "Requests to the bridge",
            (f"sum by (path) (rate(sisock_http_request_seconds_count[{rate}]))", "{{path}}"),
            unit="reqps",
        ),
        counted(
            "Queries to data servers",
            (f"sum by (instance) (rate(sisock_query_seconds_count[{rate}]))", "{{instance}}"),
            unit="reqps",
        ),
        counted(
            "Errors",
            (f"sum by (cause) (rate(sisock_http_errors_total[{rate}]))", "bridge, {{cause}}"),
            (f"sum by (node, cause) (rate(sisock_node_errors_total[{rate}]))", "{{node}}, {{cause}}"),
            (
                f"sum by (instance, cause) (rate(sisock_query_errors_total[{rate}]))",
                "{{instance}}, {{cause}}",
            ),
            (f"sum by (cause) (rate(sisock_feed_errors_total[{rate}]))", "feeds, {{cause}}"),
        ),
        counted(
            "Feeds",
            ("sisock_feed_lag_seconds", "{{feed}}: samples were so old when they came"),
            ("time() - sisock_feed_heard_timestamp_seconds", "{{feed}}: last heard before"),
            unit="s",
        ),
        counted(
            "Scan of the archive",
            ("sisock_scan_left_bytes", "left to read"),
            (f"rate(sisock_scan_frames_total[{rate}])", "frames per second"),
            ('time() - sisock_scan_done_timestamp_seconds{kind="round"}', "seconds since the last round"),
        ),
        counted("Caches", ("sisock_cache_bytes", "{{instance}}, {{cache}}"), unit="bytes"),
        counted("Memory", ('process_resident_memory_bytes{job="sisock"}', "{{instance}}"), unit="bytes"),
        counted("The certificate's days", ("min(sisock_certificate_days_left)", "left"), unit="d"),
    ]


def text(made: dict[str, Any]) -> str:
    """A dashboard as its file has it."""
    return json.dumps(made, indent=2) + "\n"
