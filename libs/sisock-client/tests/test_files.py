"""Samples as tables and as files, and what is said where something for them is not installed."""

import io
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sisock_client import ClientError, Samples, files
from sisock_client.look import Look
from sisock_client.samples import plots

T = np.array([1500000000.0, 1500000001.0, 1500000002.0])
SAMPLES = Samples(
    {
        "n::a": (T, np.array([1.5, np.nan, np.inf])),
        "n::b": (T[1:], np.array(["x", "y"])),
        "n::c": (T[:1], np.array([True])),
    },
    {"n::a": "K", "n::b": None, "n::c": ""},
)


def test_csv_has_a_row_a_time_and_nothing_where_there_is_no_value() -> None:
    out = io.StringIO()
    files.write_csv(SAMPLES, out)
    assert out.getvalue().splitlines() == [
        "time,n::a,n::b,n::c",
        "2017-07-14T02:40:00.000Z,1.5,,true",
        "2017-07-14T02:40:01.000Z,,x,",
        "2017-07-14T02:40:02.000Z,,y,",
    ]


def test_json_has_null_for_what_is_no_number() -> None:
    out = io.StringIO()
    files.write_json(SAMPLES, out)
    assert out.getvalue().endswith("}\n")
    told = json.loads(out.getvalue())
    assert told["n::a"] == {"units": "K", "t": T.tolist(), "values": [1.5, None, None]}
    assert told["n::c"]["values"] == [True]


def test_files_for_programs_are_read_back_as_they_were(tmp_path: Path) -> None:
    for kind in ("npz", "parquet", "csv", "json"):
        files.write(SAMPLES, kind, tmp_path / f"a.{kind}")
    with np.load(tmp_path / "a.npz") as found:
        assert sorted(found.files) == ["n::a", "n::a/time", "n::b", "n::b/time", "n::c", "n::c/time"]
        assert (found["n::b"].tolist(), found["n::b/time"].tolist()) == (["x", "y"], T[1:].tolist())
    frame = pd.read_parquet(tmp_path / "a.parquet")
    assert frame["n::b"].fillna("-").tolist() == ["-", "x", "y"]
    assert (tmp_path / "a.csv").read_bytes().count(b"\r") == 0
    assert json.loads((tmp_path / "a.json").read_text())["n::b"]["values"] == ["x", "y"]


@pytest.mark.parametrize("kind", ["csv", "json", "npz", "parquet", "png"])
def test_a_disk_that_is_full_is_told(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{kind}"
    path.symlink_to("/dev/full")
    work = files.write_plot if kind == "png" else files.write
    given = (SAMPLES, path, Look()) if kind == "png" else (SAMPLES, kind, path)
    with pytest.raises(ClientError, match=rf"a\.{kind} cannot be written: .*No space left on device"):
        work(*given)  # type: ignore[operator]


def test_a_table_has_each_time_once_in_order_and_what_came_last() -> None:
    t = np.array([T[2], T[0], T[0]])
    frame = Samples({"n::a": (t, np.array([3.0, 1.0, 2.0])), "n::b": (T[1:2], np.array([7]))}).pandas()
    assert frame.index.tolist() == [pd.Timestamp(at, unit="s", tz="UTC") for at in T]
    assert frame["n::a"].fillna(-1).tolist() == [2.0, -1.0, 3.0]
    assert frame.index.name == "time"
    assert Samples({}).pandas().empty


def test_a_dataset_has_no_zone_and_units_where_there_are_any() -> None:
    dataset = SAMPLES.xarray()
    assert dataset["time"].to_numpy().tolist() == [int(at) * 10**9 for at in T]
    assert {name: dataset[name].attrs for name in SAMPLES} == {"n::a": {"units": "K"}, "n::b": {}, "n::c": {}}


def test_there_are_samples_as_soon_as_one_field_has_one() -> None:
    nothing = np.empty(0)
    assert SAMPLES.any()
    assert Samples({"n::a": (nothing, nothing), "n::b": (T, T)}).any()
    assert not Samples({"n::a": (nothing, nothing)}).any()


def test_what_is_not_installed_is_named_with_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for module in ("pandas", "xarray", "sisock_client.plots"):
        monkeypatch.setitem(sys.modules, module, None)
    for name, work in (("pandas", SAMPLES.pandas), ("xarray", SAMPLES.xarray), ("plot", plots)):
        with pytest.raises(ClientError, match=rf"is not installed: pip install 'sisock-client\[{name}\]'"):
            work()

    def refuse(*_: object) -> None:
        raise ImportError("no engine")

    monkeypatch.setattr(pd.DataFrame, "to_parquet", refuse)
    monkeypatch.setitem(sys.modules, "pandas", pd)
    with pytest.raises(
        ClientError, match=r"pyarrow is not installed: pip install 'sisock-client\[parquet\]'"
    ):
        files.write(SAMPLES, "parquet", tmp_path / "a.parquet")


def test_a_file_is_writable_where_its_directory_or_itself_is(tmp_path: Path) -> None:
    files.require_writable(tmp_path / "new.csv")
    (tmp_path / "old.csv").write_text("")
    files.require_writable(tmp_path / "old.csv")
    for path, why in (
        (tmp_path, "it is a directory"),
        (tmp_path / "no" / "a.csv", "there is no such directory"),
    ):
        with pytest.raises(ClientError, match=f"^{path} cannot be written: {why}"):
            files.require_writable(path)


def test_a_picture_has_one_of_the_endings_that_can_be_drawn() -> None:
    for name in ("a.png", "a.PDF", "a.svg"):
        files.require_picture(Path(name))
    with pytest.raises(
        ClientError, match=r"^-o a\.csv: give a file that ends in one of (\.\w+, )+\.pdf, (\.\w+, )*\.png, "
    ):
        files.require_picture(Path("a.csv"))
