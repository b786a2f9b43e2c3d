"""The client against a real stack, over HTTP and over WAMP."""

import datetime as dt
import io
import json
import shutil
import signal
import socket
import time
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sisock.client import Client
from sisock_client import ClientError, UnknownFieldError
from sisock_client.client import DEADLINE_S
from sisock_client.files import write_csv
from sisock_client.times import iso, unix_time
from sisock_hub.prepare import self_signed
from sisock_testing import Stack

START, END = "2017-07-14", "2017-07-15"
WIND, HUMIDITY = "apex_archive::apex_windspeed", "apex_archive::apex_humidity"


@pytest.fixture(params=["http", "wamp"])
def client(request: pytest.FixtureRequest, url: str, environ) -> Iterator[Client]:
    if request.param == "wamp":
        request.getfixturevalue("sisock_reactor")  # there is one reactor, and the fixtures run it
    made = Client(url) if request.param == "http" else Client(wamp=environ)
    yield made
    made.close()


def test_nodes_and_fields_are_listed(client: Client) -> None:
    [node] = [node for node in client.nodes() if node.name == "apex_archive"]
    assert node.fields == 5
    assert [one.field for one in client.fields("windspeed")] == [WIND]
    assert client.fields("windspeed")[0].units == "km/h"
    assert client.fields("no such thing") == []


def test_samples_come_as_columns_with_their_units(client: Client) -> None:
    samples = client.get([WIND, HUMIDITY], START, END)
    t, values = samples[WIND]
    assert len(t) == len(values) == 1440
    assert t[0] >= dt.datetime(2017, 7, 14, tzinfo=dt.UTC).timestamp()
    assert t[-1] < dt.datetime(2017, 7, 15, tzinfo=dt.UTC).timestamp()
    assert samples.units == {WIND: "km/h", HUMIDITY: "%"}
    assert samples.notices == []


def test_fewer_points_keep_the_extremes(client: Client) -> None:
    whole = client.get(WIND, START, END)[WIND][1]
    few = client.get(WIND, START, END, max_points=50)[WIND][1]
    assert len(few) <= 50
    assert (few.min(), few.max()) == (whole.min(), whole.max())


def test_bins_are_columns_of_what_is_wanted_of_them(client: Client) -> None:
    t, values = client.get(WIND, START, END)[WIND]
    found = client.get(WIND, START, END, bin="1h", of=("mean", "max", "count"))
    assert list(found) == [f"{WIND}/mean", f"{WIND}/max", f"{WIND}/count"]
    assert found.units == {f"{WIND}/mean": "km/h", f"{WIND}/max": "km/h", f"{WIND}/count": None}
    hours = [values[t // 3600 == hour] for hour in np.unique(t // 3600)]
    begins, means = found[f"{WIND}/mean"]
    assert begins.tolist() == (np.unique(t // 3600) * 3600).tolist()
    assert means.tolist() == pytest.approx([hour.mean() for hour in hours], rel=1e-14)
    assert found[f"{WIND}/max"][1].tolist() == [hour.max() for hour in hours]
    assert sum(found[f"{WIND}/count"][1]) == 1440
    same = client.get(WIND, START, END, bin=dt.timedelta(hours=1), of="mean")
    assert same[f"{WIND}/mean"][1].tolist() == means.tolist()


def test_bins_that_make_no_sense_are_refused(client: Client) -> None:
    for wrong in ("5", "x", 0, True, float("nan")):
        with pytest.raises(ClientError, match="no length of time"):
            client.get(WIND, START, END, bin=wrong)
    with pytest.raises(ClientError, match="none of mean"):
        client.get(WIND, START, END, bin="5m", of="median")
    with pytest.raises(ClientError, match="without max_points"):
        client.get(WIND, START, END, 10, bin="5m")
    with pytest.raises(UnknownFieldError):
        client.get("nowhere::nothing", START, END, bin="5m")


def test_a_table_has_a_row_a_time_and_a_column_a_field(client: Client) -> None:
    frame = client.get([WIND, HUMIDITY], START, END).pandas()
    assert list(frame.columns) == [WIND, HUMIDITY]
    assert str(frame.index.tz) == "UTC"
    assert frame[WIND].notna().sum() == 1440
    assert frame[HUMIDITY].notna().sum() == 24
    assert frame.attrs["units"][HUMIDITY] == "%"


def test_a_dataset_carries_units(client: Client) -> None:
    dataset = client.get([WIND], START, END).xarray()
    assert dataset[WIND].attrs["units"] == "km/h"
    assert dataset.sizes["time"] == 1440


def test_what_is_missing_is_said(client: Client) -> None:
    samples = client.get([WIND, "nowhere::nothing"], START, END)
    assert len(samples[WIND][0]) == 1440
    assert any("nowhere" in notice for notice in samples.notices)


def test_a_bridge_that_is_away_is_one_sentence() -> None:
    with pytest.raises(ClientError, match="cannot be reached"):
        Client("http://127.0.0.1:1").nodes()


def test_fields_that_nobody_knows_are_an_error(client: Client) -> None:
    for names in ("nosuch::x", "apex_archive::nosuch", ["nosuch::x", "apex_archive::nosuch"]):
        with pytest.raises(UnknownFieldError, match=r"there is no field '(nosuch::x|apex_archive::nosuch)'"):
            client.get(names, START, END)
    assert client.get(WIND, "1990-01-01", "1990-01-02")[WIND][0].tolist() == []
    samples = client.get([WIND, "apex_archive::nosuch"], START, END)
    assert any("nosuch" in notice for notice in samples.notices)


def test_a_range_that_ends_before_it_begins_is_an_error(client: Client) -> None:
    with pytest.raises(ClientError, match="start=2017-07-15 is after end=2017-07-14"):
        client.get(WIND, END, START)


def test_an_answer_that_does_not_come_is_waited_for_no_longer_than_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = Client(f"http://127.0.0.1:{silent.getsockname()[1]}", deadline_s=0.2)
        began = time.monotonic()
        with pytest.raises(ClientError, match="does not answer in time"):
            client.nodes()
    assert time.monotonic() - began < DEADLINE_S / 2  # without one of its own it waits for the default


def test_a_nodes_answer_is_waited_for_no_longer_than_the_deadline(
    sisock_reactor, sisock_stack: Stack, url: str, environ
) -> None:
    with Client(wamp=environ, deadline_s=0.5) as client:
        weather = sisock_stack.processes["sisock_weather"]
        weather.signal(signal.SIGSTOP)
        try:
            samples = client.get(WIND, START, END)
        finally:
            weather.signal(signal.SIGCONT)
        assert samples.notices == ["apex_archive did not answer within 0.5 s"]
        assert len(samples[WIND][0]) == 0


def test_a_router_with_another_certificate_is_told_in_words(
    sisock_reactor, url: str, environ, tmp_path: Path
) -> None:
    shutil.copytree(environ["CROSSBAR_DIR"], tmp_path / "other", ignore=shutil.ignore_patterns("*.sock"))
    (tmp_path / "other" / "server_cert.pem").write_bytes(self_signed(["127.0.0.1"])[0])
    with pytest.raises(ClientError, match=r"the router's certificate is not the one in .*, or has expired"):
        Client(wamp={**environ, "CROSSBAR_DIR": str(tmp_path / "other")}, deadline_s=2.0)


EXAMPLES = json.loads(files("sisock_testing").joinpath("moments.json").read_bytes())


@pytest.mark.parametrize(("text", "t"), EXAMPLES["moments"].items())
def test_a_text_is_the_moment_that_the_bridge_and_the_page_take_it_for(text, t) -> None:
    assert unix_time(text, EXAMPLES["now"]) == t


@pytest.mark.parametrize("text", EXAMPLES["no_moments"])
def test_a_text_that_is_no_moment_there_is_none_here(text) -> None:
    with pytest.raises(ClientError, match=r"is not a time|is no time"):
        unix_time(text, EXAMPLES["now"])


def test_milliseconds_are_told_by_their_size_in_text_and_in_numbers() -> None:
    assert unix_time(1500000000000, 0.0) == unix_time("1500000000000", 0.0) == unix_time(1500000000, 0.0)


def test_times_are_read_as_people_write_them() -> None:
    now = 1.7e9
    noon = dt.datetime(2020, 1, 1, 12, tzinfo=dt.UTC)
    naive = noon.replace(tzinfo=None)
    for value in (
        "2020-01-01T12:00:00Z",
        "2020-01-01 12:00",
        noon,
        naive,
        noon.timestamp(),
        f"{noon.timestamp()}",
    ):
        assert unix_time(value, now) == noon.timestamp()
    for value, ago in (("now", 0), ("now-6h", 21600), (-3600, 3600), ("-3600", 3600), ("now-1.5d", 129600)):
        assert unix_time(value, now) == now - ago
    midnight = dt.datetime(2020, 1, 1, tzinfo=dt.UTC).timestamp()
    for value in (
        dt.date(2020, 1, 1),
        np.datetime64("2020-01-01"),
        pd.Timestamp("2020-01-01"),
        np.int64(midnight),
    ):
        assert unix_time(value, now) == midnight
    assert unix_time(np.datetime64("2020-01-01T00:00:00.25"), now) == midnight + 0.25
    for value in (dt.timedelta(hours=1), dt.timedelta(hours=-1), np.timedelta64(1, "h"), pd.Timedelta("1h")):
        assert unix_time(value, now) == now - 3600
    nowhere = ("2020-11-31", np.datetime64("NaT"), np.timedelta64("NaT"), pd.NaT, float("inf"))
    for wrong in ("someday", "now-6", None, True, float("nan"), "2020-13-01", [], *nowhere):
        with pytest.raises(ClientError, match=r"is not a time|is no time"):
            unix_time(wrong, now)


def test_a_tables_and_a_files_times_are_those_of_the_samples_to_the_microsecond() -> None:
    from sisock_client import Samples

    t = np.array([1500000000.123457, 1500000001.0])
    samples = Samples({"a": (t, np.array([1.5, 2.5]))})
    out = io.StringIO()
    write_csv(samples, out)
    written = ["2017-07-14T02:40:00.123457Z", "2017-07-14T02:40:01.000000Z"]
    assert out.getvalue().splitlines() == ["time,a", f"{written[0]},1.5", f"{written[1]},2.5"]
    frame = samples.pandas()
    assert frame.index.tolist() == [pd.Timestamp(text) for text in written]
    assert pd.read_csv(io.StringIO(out.getvalue()), index_col="time", parse_dates=True).index.equals(
        frame.index
    )
    assert iso(np.array([1500000000.5])) == ["2017-07-14T02:40:00.500Z"]


def test_columns_of_text_and_bools_stay_what_they_are() -> None:
    from sisock_client import Samples

    t = np.array([1.0, 2.0])
    frame = Samples({"a": (t, np.array(["x", "y"])), "b": (t, np.array([True, False]))}).pandas()
    assert frame["a"].tolist() == ["x", "y"]
    assert frame["b"].tolist() == [True, False]


def test_csv_holds_nothing_that_a_spreadsheet_takes_for_a_formula() -> None:
    from sisock_client import Samples

    t = np.array([1.0, 2.0])
    out = io.StringIO()
    write_csv(Samples({"=a": (t, np.array(["=1+1", "-1.5"])), "b": (t, np.array([-1.0, -2.0]))}), out)
    assert [line.split(",")[1:] for line in out.getvalue().splitlines()] == [
        ["'=a", "b"],
        ["'=1+1", "-1.0"],
        ["-1.5", "-2.0"],
    ]


def test_newest_samples_and_names_that_stand_for_several(client: Client) -> None:
    with pytest.raises(UnknownFieldError, match="there is no field 'apex_archive::nosuch"):
        client.latest("apex_archive::nosuch*")
    found = client.latest("apex_archive::apex_w*")  # its samples are of 2017
    assert {name: one.t for name, one in found.items()} == {WIND: None}
    assert set(client.get("apex_archive::apex_[wh]*", START, END)) == {WIND, HUMIDITY}


def test_samples_are_followed_from_a_moment_on(client: Client) -> None:
    following = client.follow([WIND, HUMIDITY], START, every_s=0.01)
    first = [next(following) for _ in range(100)]
    following.close()
    assert {one.field for one in first} == {WIND, HUMIDITY}
    assert [one.t for one in first] == sorted(one.t for one in first)
    t, values = client.get(WIND, START, END)[WIND]
    assert next((one.t, one.value) for one in first if one.field == WIND) == (t[1], values[1])
    with pytest.raises(UnknownFieldError):
        next(client.follow("apex_archive::nosuch"))


def test_fields_are_drawn_as_a_figure(client: Client) -> None:
    picture = client.plot([WIND, HUMIDITY], START, END, size="100x80mm", title="July")
    assert [axis.get_ylabel() for axis in picture.axes] == ["apex_windspeed [km/h]", "apex_humidity [%]"]
    assert picture.axes[0].get_title(loc="left") == "July"
    assert picture.notes == []
    with pytest.raises(ClientError, match="no samples to plot"):
        client.plot(WIND, "1990-01-01", "1990-01-02")
