"""Makes the bundled sample: synthetic weather for the dates and in the cadence of the real archive.

Nothing here was measured. A diurnal cycle, fronts (slow noise shared by all quantities), gusts and
instrument noise are drawn from a fixed seed, so that the files can be made again, byte for byte::

    python -m sisock_weather.synthetic DIRECTORY
"""

import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

START = 1499904000  # 2017-07-13T00:00:00Z
END = 1501200000  # 2017-07-28T00:00:00Z
SEED = 20170713
DAY_S = 86400.0

Column = npt.NDArray[np.float64]


def smooth_noise(rng: np.random.Generator, n: int, correlation: float) -> Column:
    """Noise of unit variance that forgets itself over `correlation` samples.

    Parameters
    ----------
    rng : numpy.random.Generator
    n : int
        Samples.
    correlation : float
        Samples.

    Returns
    -------
    (n,) float64
        A first-order autoregressive process, started in its stationary state.
    """
    keep = np.exp(-1.0 / correlation)
    steps = rng.standard_normal(n) * np.sqrt(1 - keep**2)
    noise = np.empty(n)
    level = rng.standard_normal()
    for i, step in enumerate(steps.tolist()):
        level = keep * level + step
        noise[i] = level
    return noise


def make() -> dict[str, tuple[str, str, str, Column, Column]]:
    """Make all quantities.

    Returns
    -------
    dict
        For each field ``(description, timeline, units, t, values)``, `t` in UNIX seconds.
    """
    rng = np.random.default_rng(SEED)
    minutes = np.arange(START, END + 1, 60, dtype=np.float64)
    n = len(minutes)
    # Local solar noon at 67.8 degrees west is near 16:30 UTC.
    day = np.cos(2 * np.pi * (minutes - START - 16.5 * 3600) / DAY_S)
    front = smooth_noise(rng, n, 1.5 * 1440)
    temperature = -4 + 4.5 * day - 1.5 * front + 0.4 * smooth_noise(rng, n, 20)
    humidity = np.clip(28 - 12 * day + 14 * front + 3 * smooth_noise(rng, n, 90), 2, 98)
    tide = 0.5 * np.cos(4 * np.pi * (minutes - START - 10 * 3600) / DAY_S)
    pressure = 556 + tide - 0.9 * front + 0.05 * smooth_noise(rng, n, 300)
    mean_wind = 22 + 9 * day + 8 * np.abs(front)
    gusts = rng.exponential(3.0, n) * (rng.random(n) < 0.06)
    wind = np.clip(mean_wind * (1 + 0.25 * smooth_noise(rng, n, 6)) + 4 * gusts, 0.1, None)
    vapour = np.clip(0.9 * np.exp(0.55 * front + 0.12 * day + 0.05 * smooth_noise(rng, n, 15)), 0.1, None)
    vapour *= 1 + 0.004 * rng.standard_normal(n)
    hours = slice(None, None, 60)
    note = "(synthetic)"
    return {
        "apex_humidity": (
            f"APEX weather station humidity {note}.", "hourly", "%", minutes[hours], humidity[hours],
        ),
        "apex_pressure": (
            f"APEX weather station pressure {note}.", "hourly", "mBar", minutes[hours], pressure[hours],
        ),
        "apex_radiometer": (f"The APEX radiometer data {note}.", "minutely", "mm", minutes, vapour),
        "apex_temperature": (
            f"APEX weather station temperature {note}.", "hourly", "C", minutes[hours], temperature[hours],
        ),
        "apex_windspeed": (f"APEX weather station windspeed {note}.", "minutely", "km/h", minutes, wind),
    }  # fmt: skip


def text(description: str, timeline: str, units: str, t: Column, values: Column, digits: int) -> str:
    """Write one quantity in the archive's format."""
    header = [f"# {description}", f"# {timeline}", f"# {units}"]
    header.append(f"# Synthetic: drawn by sisock_weather.synthetic from seed {SEED}, not measured.")
    rows = [f"{when:.1f} {value:.{digits}f}" for when, value in zip(t.tolist(), values.tolist(), strict=True)]
    return "\n".join([*header, *rows]) + "\n"


def write(directory: Path) -> None:
    """Write all files of the sample."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, quantity in make().items():
        digits = 6 if name == "apex_radiometer" else 1 if name == "apex_windspeed" else 2
        (directory / f"{name}.dat").write_text(text(*quantity, digits), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
