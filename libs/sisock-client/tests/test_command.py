"""The command ``sisock`` against a real stack."""

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import requests

WIND = "apex_archive::apex_windspeed"
RANGE = ["--start", "2017-07-14", "--end", "2017-07-15"]


def test_nodes_and_fields_are_lines(run) -> None:
    assert "apex_archive" in run("nodes").stdout
    assert run("fields", "--search", "WINDSPEED").stdout.startswith(WIND)
    assert "apex_archive" in run("--wamp", "nodes").stdout


def test_samples_come_in_every_format(run, tmp_path: Path) -> None:
    import pandas as pd

    rows = list(csv.DictReader(io.StringIO(run("get", WIND, *RANGE).stdout)))
    assert len(rows) == 1440
    told = json.loads(run("get", WIND, *RANGE, "-o", "json").stdout)
    assert told[WIND]["units"] == "km/h"
    for name in ("a.npz", "a.parquet", "a.csv", "a.json"):
        assert run("get", WIND, *RANGE, "-o", name).returncode == 0
    with np.load(tmp_path / "a.npz") as found:
        assert found[WIND].tolist() == [float(row[WIND]) for row in rows] == told[WIND]["values"]
    frame = pd.read_parquet(tmp_path / "a.parquet")
    assert len(frame) == 1440
    assert (tmp_path / "a.csv").read_text().count("\n") == 1441


def test_bins_are_columns_of_the_table(run) -> None:
    told = run("get", WIND, *RANGE, "--bin", "5m", "--of", "mean,max").stdout
    rows = list(csv.DictReader(io.StringIO(told)))
    assert list(rows[0]) == ["time", f"{WIND}/mean", f"{WIND}/max"]
    assert len(rows) == 288


def test_a_plot_is_a_picture(run, tmp_path: Path) -> None:
    done = run("plot", WIND, "apex_archive::apex_humidity", *RANGE, "-o", "x.png")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "x.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_tail_prints_what_comes_and_ends_when_told(url: str, environ, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "sisock_client", "tail", WIND, "--seconds", "400000000"],
        env={**os.environ, **environ, "SISOCK_URL": url},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    process.send_signal(signal.SIGINT)
    process.stdout.read()
    process.stdout.close()
    assert process.wait(15) == 0
    assert re.match(r"2017-07-13T\d\d:\d\d:\d\d\.\d{3}Z  ", first)
    assert WIND in first


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["get", WIND, "--start", "someday"], "'someday' is not a time"),
        (["get", WIND, "-o", "a.xlsx"], "give csv, json, npz or parquet"),
        (["get", WIND, "-o", "npz"], "not for a terminal"),
        (["--url", "http://127.0.0.1:1", "nodes"], "cannot be reached"),
        (["get", "nosuch::x"], "there is no field 'nosuch::x'"),
        (["tail", "nosuch::x"], "there is no field 'nosuch::x'"),
        (["plot", "nosuch::x"], "there is no field 'nosuch::x'"),
        (
            ["get", WIND, "--start", "1990-01-01", "--end", "1990-01-02", "-o", "a.csv"],
            "no samples in this range",
        ),
        (["plot", WIND, "--start", "1990-01-01", "--end", "1990-01-02"], "no samples to plot in this range"),
        (["plot", WIND, *RANGE, "-o", "x.docx"], "-o x.docx: give a file that ends in one of "),
        (["get", WIND, *RANGE, "-o", "nowhere/a.csv"], "nowhere/a.csv cannot be written"),
        (["get", WIND, *RANGE, "-o", "/dev/full.csv/a.npz"], "/dev/full.csv/a.npz cannot be written"),
        (["plot", WIND, *RANGE, "-o", "nowhere/x.png"], "nowhere/x.png cannot be written"),
    ],
)
def test_what_is_wrong_is_one_sentence(run, arguments: list[str], sentence: str) -> None:
    done = run(*arguments)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["a.csv", "a.npz", "a.parquet", "a.png"])
def test_a_disk_that_is_full_is_one_sentence(run, tmp_path: Path, name: str) -> None:
    (tmp_path / name).symlink_to("/dev/full")
    done = run("plot" if name == "a.png" else "get", WIND, *RANGE, "-o", name)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1, done.stderr
    assert f"{name} cannot be written: " in done.stderr
    assert "No space left on device" in done.stderr


def test_the_commands_csv_is_the_bridges(run, url: str) -> None:
    fields = [WIND, "apex_archive::apex_humidity"]
    parameters = {"field": fields, "start": RANGE[1], "end": RANGE[3], "format": "csv"}
    reply = requests.get(f"{url}/api/v1/data", params=parameters, timeout=20)
    assert run("get", *fields, *RANGE).stdout == reply.text
    assert reply.text.splitlines()[1].startswith("2017-07-14T00:")


def test_check_says_in_words_what_is_wrong(run, tmp_path: Path) -> None:
    away = run("check", CROSSBAR_TLS_PORT="1")
    assert "the router at 127.0.0.1:1 cannot be reached" in away.stdout
    assert away.returncode == 1
    strange = run("check", CROSSBAR_DIR=str(tmp_path))
    assert "there is no secret for the user 'simonsobs'" in strange.stdout
    assert "its certificate is not trusted here" in strange.stdout
    refused = run("check", WAMP_SECRET="not the secret")
    assert "the router does not let us in" in refused.stdout


def test_a_sites_file_is_drafted_from_what_is_online_and_checked(run, tmp_path: Path) -> None:
    drafted = run("site", "draft")
    assert WIND in drafted.stdout
    (tmp_path / "site.toml").write_text(drafted.stdout)
    assert run("site", "check", "site.toml").stdout == "site.toml: all is well\n"
    (tmp_path / "site.toml").write_text("[[fields]]\nscale = 2")
    wrong = run("site", "check", "site.toml")
    assert (wrong.returncode, wrong.stdout) == (1, "site.toml: [[fields]] number 1: match is missing\n")
    assert "there is no such file" in run("site", "check", "nowhere.toml").stderr
