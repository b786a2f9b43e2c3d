"""The contract's page: what code cites is there, and each name on it is in the code."""

import base64
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from sisock import base, binning, uris, wire
from sisock.bounds import Bounds
from sisock.node import Field, Series
from sisock_consumer import replies
from sisock_consumer.bins import read_bins

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "contract.md").read_text(encoding="utf-8")
SOURCES = sorted(
    path
    for place in ("libs", "services")
    for pattern in ("*/src/**/*.py", "*/src/**/*.sql", "*/Dockerfile", "*/src/**/*.json", "*/pyproject.toml")
    for path in (ROOT / place).glob(pattern)
)
CITING = sorted(
    path
    for place in ("libs", "services", "ci", "compose", "docs")
    for pattern in ("**/*.py", "**/*.js", "**/*.md", "**/*.yaml", "**/*.sql")
    for path in (ROOT / place).glob(pattern)
    if "node_modules" not in path.parts
)
CITED = re.compile(r"contract(?:'s)?,?\s+sections?\s+((?:\d+(?:\.\d+)?(?:,\s+|\s+and\s+)?)+)", re.IGNORECASE)
EXAMPLES = dict(re.findall(r'^```json title="(\w+)"\n(.*?)^```', PAGE, re.MULTILINE | re.DOTALL))
COLUMNS = re.compile(r"^    (\w+) (?:INT|VARCHAR|BOOL|DATETIME)", re.MULTILINE)


def section(number: str) -> str:
    """Text of one of the page's sections, down to the next of its rank."""
    return re.search(rf"^## {number}\. .*?(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)[0]


def code() -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in SOURCES)


def citations() -> Iterator[tuple[Path, str]]:
    for path in CITING:
        for found in CITED.finditer(path.read_text(encoding="utf-8")):
            yield from ((path, number) for number in re.findall(r"\d+(?:\.\d+)?", found[1]))


def test_every_section_that_is_cited_exists() -> None:
    headings = set(re.findall(r"^#{2,3} (\d+(?:\.\d+)?)\.? ", PAGE, re.MULTILINE))
    cited = list(citations())
    assert len(cited) > 10
    missing = [f"{path.relative_to(ROOT)}: {number}" for path, number in cited if number not in headings]
    assert missing == []


def test_every_variable_of_the_contract_is_read_by_the_code() -> None:
    variables = set(re.findall(r"`([A-Z][A-Z0-9_]+)`", section("3")))
    assert len(variables) > 15
    read = code()
    missing = [name for name in sorted(variables) if f'"{name.removesuffix("_FILE")}"' not in read]
    assert missing == []


def test_every_uri_is_in_the_contract_and_in_the_code() -> None:
    known = {value for name, value in vars(uris).items() if name.isupper() and isinstance(value, str)}
    known |= {make("<name>") for make in (uris.get_fields, uris.get_data, uris.updated)}
    known.add(uris.procedure("<name>", "<word>"))
    known = {uri for uri in known if ".." not in uri}  # a pattern that several of them match
    known -= {uris.REALM, uris.BASE_URI, uris.CONSUMER_PREFIX, uris.WATCH}
    told = {uris.uri(name) for name in re.findall(r"`((?:data_node|consumer)\.[\w.<>]+)`", PAGE)}
    assert told == known
    assert f"`{uris.REALM}`" in PAGE
    assert f"`{uris.BASE_URI}`" in PAGE


def test_every_python_name_of_the_contract_can_be_imported() -> None:
    table, methods = section("2").split("Of `DataNodeServer`:")
    names = re.findall(r"`(\w+)`(?=[^|\n]*\|[^|\n]*\|$)", table, re.MULTILINE)
    # WAMP_SECRET is asked for by its name: `import *` must work where there is none.
    assert {*base.__all__, "WAMP_SECRET"} == set(names)
    assert all(name in vars(base) or name in base.__annotations__ for name in names)
    members = re.findall(r"`(\w+)`", methods.split("\n\n")[0])
    assert len(members) == 10
    assert [name for name in members if not hasattr(base.DataNodeServer, name)] == []


def test_every_image_table_and_route_of_the_contract_is_in_the_code() -> None:
    told = code()
    images = set(re.findall(r"^\|[^|]+\| `(sisock-[\w-]+)` \|", section("4"), re.MULTILINE))
    assert len(images) == 9
    http = re.search(r"### 7\.8 .*?(?=^### |\Z)", PAGE, re.DOTALL | re.MULTILINE)[0]
    routes = re.findall(r"`(/[\w/.-]*)`", http)
    assert len(routes) > 10
    [tables] = re.findall(r"^```sql\n(.*?)^```", section("6"), re.MULTILINE | re.DOTALL)
    columns = COLUMNS.findall(tables)
    assert len(columns) == 11
    assert [name for name in images if name not in told] == []
    assert [name for name in routes if not re.search(rf'"{re.escape(name)}["/]', told)] == []
    assert [name for name in columns if not re.search(rf"^    `?{name}`? ", told, re.MULTILINE)] == []


def test_the_examples_are_what_the_code_writes_and_reads() -> None:
    fields = [
        Field("stage_1k", "1 K stage", "K", timeline="stage", interval=10.0),
        Field("valve", type="string"),
    ]
    assert wire.fields_reply(fields) == json.loads(EXAMPLES["get_fields"])
    said = Field(
        "channel_01_t",
        "Channel 01 T of observatory.cryo.feeds.temperatures, block temps",
        "K",
        timeline="temps",
        source="observatory.cryo.feeds.temperatures.Channel 01 T",
        limits=Bounds(None, 1.2, 0.1, 1.5, hysteresis=0.01, for_s=60),
        silent_after=30,
        kept_for=3600,
        complete_since=1500000000,
    )
    written = wire.fields_reply([said])
    assert written[0] == json.loads(EXAMPLES["said"])
    assert replies.read_fields("n", written) == replies.Listing([said], [])
    plain, packed = json.loads(EXAMPLES["get_data"]), json.loads(EXAMPLES["packed"])
    packed["data"]["stage_1k"] = base64.b64decode(packed["data"]["stage_1k"])
    packed["timeline"]["stage"]["t"] = base64.b64decode(packed["timeline"]["stage"]["t"])
    for reply in (plain, packed):
        series, problems = replies.merge([reply], ["stage_1k", "valve"], {"stage_1k": "stage"})
        assert problems == {}
        assert series["stage_1k"].t.tolist() == [1500000000.0, 1500000010.0]
        assert series["stage_1k"].values.tolist() == [1.1, 1.2]
        assert series["valve"].values.tolist() == []


def test_the_example_of_bins_is_what_the_code_makes_and_reads() -> None:
    def read(names: Sequence[str], _start: float, _end: float) -> Iterator[Series]:
        t = np.array([1500000000.0, 1500000010.0])
        yield Series("stage_1k", t, np.array([1.1, 1.2]))

    made = binning.compute(read, ["stage_1k"], 1500000000.0, 1500000020.0, binning.grid(60.0))
    [written] = wire.parts(binning.tables(made), [], packed=False)
    told = json.loads(EXAMPLES["bins"])
    assert written["data"].pop("stage_1k/sum") == pytest.approx(told["data"].pop("stage_1k/sum"))
    assert written == told
    told["data"]["stage_1k/sum"] = [2.3]
    bins, problems = read_bins("node", [told], ["stage_1k"])
    assert problems == {}
    assert bins["stage_1k"].count.tolist() == [2.0]


@pytest.mark.parametrize("title", ["get_data_node", "feed", "capabilities", "updated"])
def test_an_example_is_json(title: str) -> None:
    assert json.loads(EXAMPLES[title])
