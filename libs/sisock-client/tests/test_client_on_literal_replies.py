"""`Client` in this process, on a bridge whose replies are written here."""

import itertools
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import requests
from sisock_client import Client, ClientError, UnknownFieldError
from sisock_client.http import CONNECT_S, HttpSource
from sisock_testing.literal_bridge import VOLT, LiteralBridge, T, npz

NOW = 1500003600.0
Listing = list[tuple[str, dict[str, list[str]]]]


def data(bridge: LiteralBridge) -> Listing:
    return [one for one in bridge.asked if one[0] == "data"]


@pytest.fixture
def client(bridge: LiteralBridge, monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setattr("sisock_client.client.time.time", lambda: NOW)
    return Client()


def test_the_last_hour_is_asked_for_unless_another_range_is(client: Client, bridge: LiteralBridge) -> None:
    with client:
        client.get("n::volt")
        client.get("n::volt", 1000, 1000)
    wanted = {"field": ["n::volt"], "format": ["npz"]}
    assert [one for _, one in data(bridge)] == [
        {**wanted, "start": [str(T[0])], "end": [str(NOW)]},
        {**wanted, "start": ["1000.0"], "end": ["1000.0"]},
    ]


def test_what_makes_no_sense_is_said_before_anybody_is_asked(client: Client, bridge: LiteralBridge) -> None:
    for how, sentence in (
        ({"start": 2000, "end": 1000}, "^start=2000 is after end=1000$"),
        ({"bin": "5m", "max_points": 0}, "without max_points"),
        ({"bin": "5m", "fields": "n::volt - n::text"}, "without bin"),
        ({"bin": "5m", "fields": ["n::volt", "mean(n::volt, 5m)"]}, "without bin"),
    ):
        given: dict[str, Any] = {"fields": "n::volt", **how}
        with pytest.raises(ClientError, match=sentence):
            client.get(**given)
    assert bridge.asked == []


def test_bins_are_asked_for_by_length_and_statistics(client: Client, bridge: LiteralBridge) -> None:
    bridge.replies["data"] = (200, npz(**{"volt/mean": [1.5], "volt/count": [7]}))
    found = client.get("n::volt", bin="1.5s", of="mean,count")
    [(_, asked)] = data(bridge)
    assert (asked["bin"], asked["of"]) == (["1500.000ms"], ["mean,count"])
    assert found.units == {"n::volt/mean": "V", "n::volt/count": None}
    assert [column.tolist() for column in found["n::volt/count"]] == [[T[0]], [7]]


def test_a_difference_is_made_of_whole_fields_and_has_their_units(
    client: Client, bridge: LiteralBridge
) -> None:
    bridge.say("fields", [VOLT, {**VOLT, "field": "n::base"}])
    bridge.replies["data"] = (200, npz(volt=[1.5, 2.5], base=[1.0, 3.0]))
    found = client.get("n::volt - n::base", T[0], T[0] + 2, max_points=1)
    assert [(one["field"], one.get("max_points")) for _, one in data(bridge)] == [
        (["n::volt", "n::base"], None)
    ]
    assert found["n::volt - n::base"][1].tolist() in ([0.5], [-0.5])
    assert found.units == {"n::volt - n::base": "V"}


def test_a_picture_is_of_one_range_and_says_first_what_is_missing(
    client: Client, bridge: LiteralBridge
) -> None:
    bridge.headers["Sisock-Notices"] = '["n::text did not come"]'
    bridge.replies["data"] = (200, npz(volt=[1.5, 2.5], text=np.array([], "U1")))
    picture = client.plot(["n::volt", "n::text"], size=(4, 3), dpi=50, title="the title")
    assert picture.notes == ["n::text did not come", "n::text has no samples in this range"]
    assert (picture.get_size_inches().tolist(), picture.dpi) == ([4, 3], 50)
    [axis] = picture.axes
    assert (axis.get_title(loc="left"), axis.get_yscale()) == ("the title", "linear")
    assert np.diff(axis.get_xlim()) * 86400 == pytest.approx(3600)
    [(_, asked)] = data(bridge)
    assert asked == {
        "field": ["n::volt", "n::text"], "start": [str(T[0])], "end": [str(NOW)], "format": ["npz"],
        "max_points": ["4000"],
    }  # fmt: skip
    assert client.plot("n::volt", log=True, join=False, convert=False).axes[0].get_yscale() == "log"
    assert (data(bridge)[1][1]["join"], data(bridge)[1][1]["convert"]) == (["no"], ["no"])


def test_what_is_new_is_given_as_it_comes_and_what_is_away_is_logged_once(
    client: Client, bridge: LiteralBridge, caplog: pytest.LogCaptureFixture
) -> None:
    looks = iter(["silent", "silent", [1.5, 2.5]])

    def reply() -> None:
        if bridge.asked[-1][0] == "data":
            look = next(looks)
            there = [] if look == "silent" else look
            bridge.headers["Sisock-Notices"] = '["n is silent"]' if look == "silent" else "[]"
            bridge.replies["data"] = (200, npz(volt=there))

    bridge.then = reply
    with caplog.at_level(logging.WARNING):
        following = client.follow("n::v*", T[0] - 1, every_s=0.0)
        samples = list(itertools.islice(following, 2))
        following.close()
    assert [(one.field, one.t, one.value) for one in samples] == [
        ("n::volt", T[0], 1.5),
        ("n::volt", T[1], 2.5),
    ]
    assert caplog.messages == ["n is silent"]
    starts = [float(one["start"][0]) for _, one in data(bridge)]
    assert starts[0] == np.nextafter(T[0] - 1, np.inf)
    assert len(starts) == 3


def test_a_token_is_given_with_each_request_and_an_empty_one_is_none(
    bridge: LiteralBridge, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("of a file\n")
    for environ, given, sent in (
        ({}, None, None),
        ({"SISOCK_TOKEN": "of the environment"}, None, "Bearer of the environment"),
        ({"SISOCK_TOKEN": "of the environment"}, "given", "Bearer given"),
        ({"SISOCK_TOKEN": "of the environment"}, "", None),
        ({"SISOCK_TOKEN_FILE": str(tmp_path / "token")}, None, "Bearer of a file"),
    ):
        with monkeypatch.context() as patched:
            for name, value in environ.items():
                patched.setenv(name, value)
            with Client(token=given) as client:
                client.nodes()
        assert bridge.tokens[-1] == sent


def test_a_token_that_is_missing_is_said_with_where_it_is_taken_from(bridge: LiteralBridge) -> None:
    for status, told in ((401, "no token; the client takes it from SISOCK_TOKEN"), (403, "no token")):
        bridge.say("nodes", {"error": "no token"}, status)
        with pytest.raises(ClientError, match=f"^the bridge at {bridge.url}: {told}$"):
            Client().nodes()


def test_a_bridge_is_waited_for_as_long_as_was_said(
    bridge: LiteralBridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[Any] = []

    def send(_self: Any, _request: Any, *, timeout: Any, **_how: Any) -> Any:
        waited.append(timeout)
        raise requests.ReadTimeout if len(waited) % 2 else requests.ConnectionError

    monkeypatch.setattr(requests.Session, "send", send)
    source = HttpSource(f"{bridge.url}/", 7.0, progress=False)
    for work in (source.nodes, lambda: source.note({"text": "x"})):
        with pytest.raises(ClientError, match=f"the bridge at {bridge.url} does not answer in time"):
            work()
        with pytest.raises(ClientError, match=f"the bridge at {bridge.url} cannot be reached"):
            work()
    with pytest.raises(ClientError, match=f"the stream of the bridge at {bridge.url} broke off"):
        next(source.stream({}, 25.0))
    assert waited == [(CONNECT_S, 7.0)] * 4 + [(CONNECT_S, 25.0)]


def test_a_stream_is_asked_for_and_read_as_it_comes(bridge: LiteralBridge) -> None:
    bridge.replies["stream"] = (200, b': here\n\nevent: changes\ndata: {"a": 1}\n\n')
    source = HttpSource(bridge.url, 7.0, progress=False)
    assert list(source.stream({"newest": True}, 25.0)) == [("", None), ("changes", {"a": 1})]
    assert bridge.posted == [{"newest": True}]
    bridge.say("stream", {"error": "too many listen"}, 503)
    with pytest.raises(ClientError, match="too many listen"):
        list(source.stream({}, 25.0))
    source.close()


def test_what_changed_since_a_reply_is_asked_for_by_its_number(bridge: LiteralBridge) -> None:
    source = HttpSource(bridge.url, 7.0, progress=False)
    bridge.say("state", {"seq": 5})
    assert source.state("cryo", ["alarm", "late"], since=4, epoch="one") == {"seq": 5}
    assert source.state() == {"seq": 5}
    assert bridge.asked == [
        ("state", {"search": ["cryo"], "state": ["alarm", "late"], "since": ["4"], "epoch": ["one"]}),
        ("state", {}),
    ]
    source.close()


def test_newest_samples_are_asked_of_all_fields_and_told_with_their_units(
    client: Client, bridge: LiteralBridge
) -> None:
    bridge.say("latest", [{"field": "n::volt", "time": T[1], "value": 2.5},
                          {"field": "n::text", "time": None, "value": None}])  # fmt: skip
    found = client.latest()
    assert [name for name, _ in bridge.asked] == ["fields", "latest", "fields"]
    assert bridge.asked[1][1] == {"field": ["n::volt", "n::text"]}
    assert (found["n::volt"].t, found["n::volt"].value, found["n::volt"].units) == (T[1], 2.5, "V")
    assert (found["n::text"].t, found.notices, len(found)) == (None, [], 2)


def _is_of_latest(bridge: LiteralBridge) -> bool:
    return bridge.asked[-1][0] == "latest"


def test_newest_samples_of_many_fields_are_asked_for_in_several_requests(
    client: Client, bridge: LiteralBridge
) -> None:
    # As they are sent each takes 1000 characters, `&field=` and `%3A` among them; then the first one more.
    for more, ends in (("", (8, 16, 17)), ("x", (7, 15, 17))):
        names = [f"n::{i:02}" + "x" * 984 + more * (not i) for i in range(17)]
        batches = [names[begin:end] for begin, end in zip((0, *ends), ends, strict=False)]
        rows = iter([{"field": name, "time": T[0], "value": 1.0} for name in some] for some in batches)
        bridge.then = lambda rows=rows: bridge.say("latest", next(rows)) if _is_of_latest(bridge) else None
        bridge.asked.clear()
        assert list(client.latest(names)) == names
        assert [one["field"] for name, one in bridge.asked if name == "latest"] == batches
    bridge.then = lambda: None
    bridge.say("latest", [{"field": "x" * 9000, "time": T[0], "value": 1.0}])
    assert list(client.latest(["x" * 9000])) == ["x" * 9000]


def test_a_name_that_nobody_knows_is_an_error_of_its_own(client: Client, bridge: LiteralBridge) -> None:
    bridge.replies["data"] = (200, npz(nosuch=[], other=[]))
    with pytest.raises(UnknownFieldError) as told:
        client.get(["n::nosuch", "n::other"])
    assert str(told.value) == ("there is no field 'n::nosuch' or 'n::other' (there is no field 'n::nosuch')")


def test_names_with_a_star_are_looked_up_in_the_order_of_the_names(
    client: Client, bridge: LiteralBridge
) -> None:
    assert client.names("n::t*") == ["n::text"]
    assert client.names(("n::t*", "n::*", "n::volt")) == ["n::text", "n::volt"]
    assert [one.field for one in client.fields("volt")] == ["n::volt", "n::text"]
    assert bridge.asked[-1] == ("fields", {"search": ["volt"]})
    [node] = client.nodes()
    assert (node.name, node.description, node.fields) == ("n", "a node", 2)


def test_of_a_download_it_is_told_what_came_and_how_much_there_is_if_that_is_known() -> None:
    for headers, total in (({"Content-Length": "3"}, 3), ({}, 0)):
        reply: Any = SimpleNamespace(headers=headers, iter_content=lambda _: [b"ab", b"c"])
        told: list[tuple[int, int]] = []
        source = HttpSource("http://nowhere", 1.0, progress=True)
        assert list(source._pieces(reply, lambda done, of, told=told: told.append((done, of)))) == [
            b"ab",
            b"c",
        ]
        assert told == [(2, total), (3, total)]


def test_nothing_is_said_of_downloads_unless_that_was_asked_for(
    bridge: LiteralBridge, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ticking = itertools.count(0.0, 10.0)
    monkeypatch.setattr("sisock_client.progress.time.monotonic", lambda: next(ticking))
    for progress, lines in ((None, 0), (False, 0), (True, 1)):
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            Client(**({} if progress is None else {"progress": progress})).get("n::volt")
        assert len(caplog.messages) == lines
