"""The client against a real stack, over HTTP and over WAMP."""

import datetime as dt
from collections.abc import Iterator

import numpy as np
import pytest
from sisock.client import Client
from sisock_client import ClientError
from sisock_client.times import unix_time

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


def test_times_are_read_as_people_write_them() -> None:
    now = 1.7e9
    noon = dt.datetime(2020, 1, 1, 12, tzinfo=dt.UTC)
    for value in ("2020-01-01T12:00:00Z", "2020-01-01 12:00", noon, noon.timestamp(), str(noon.timestamp())):
        assert unix_time(value, now) == noon.timestamp()
    for value, ago in (("now", 0), ("now-6h", 21600), (-3600, 3600), ("-3600", 3600), ("now-1.5d", 129600)):
        assert unix_time(value, now) == now - ago
    for wrong in ("yesterday", "now-6", None, True, float("nan"), "2020-13-01", []):
        with pytest.raises(ClientError, match="is not a time"):
            unix_time(wrong, now)


def test_columns_of_text_and_bools_stay_what_they_are() -> None:
    from sisock_client import Samples

    t = np.array([1.0, 2.0])
    frame = Samples({"a": (t, np.array(["x", "y"])), "b": (t, np.array([True, False]))}).pandas()
    assert frame["a"].tolist() == ["x", "y"]
    assert frame["b"].tolist() == [True, False]
