"""What an image of the archive's services leaves out is not missed."""

import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import numpy as np
from sisock_g3.testing import Writer

PROJECT = Path(__file__).parents[1] / "pyproject.toml"
READ = """
import importlib.abc, sys

class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.split(".")[0] in sys.argv[2:]:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Absent())
from pathlib import Path
from sisock_g3 import file_content
found = file_content.read(Path(sys.argv[1]))
print(found.problem, found.told(), found.providers["observatory.old"].fields["ch"].bins["sum"].sum())
"""


def test_frames_of_version_0_are_read_without_what_an_image_leaves_out(tmp_path: Path) -> None:
    left_out = tomllib.loads(PROJECT.read_text())["tool"]["sisock"]["container"]["left_out"]
    provides = packages_distributions()
    absent = [
        module for module, names in provides.items() if {name.lower() for name in names} <= set(left_out)
    ]
    assert {"scipy", "matplotlib", "astropy", "PIL", "sqlalchemy"} <= set(absent)
    writer = Writer(tmp_path / "1.g3", version=0)
    writer.data(writer.feed("observatory.old"), 1.6e9 + np.arange(10.0), block={"ch": np.arange(10.0)})
    writer.close()
    command = [sys.executable, "-c", READ, str(writer.path), *absent]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout.split(), done.stderr) == (["45.0"], "")
