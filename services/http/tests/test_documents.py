"""The lines of our documents that can be run, run on a real stack."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

HTTP = Path(__file__).parents[1]
DOCUMENTS = [HTTP / "README.md"]
BLOCK = re.compile(r"```(bash|python)\n(.*?)```", re.DOTALL)


def blocks(language: str, of: str) -> list[Any]:
    return [
        pytest.param(code, id=f"{document.stem}-{i}")
        for document in DOCUMENTS
        for i, (named, code) in enumerate(BLOCK.findall(document.read_text()))
        if named == language and of in code
    ]


@pytest.mark.parametrize("code", blocks("bash", "curl"))
def test_a_line_for_curl_is_answered(bridge: Any, code: str) -> None:
    script = code.replace("localhost:5000", f"127.0.0.1:{bridge.port}").replace(
        "curl", "curl --fail --silent"
    )
    done = subprocess.run(["sh", "-eu", "-c", script], capture_output=True, text=True, timeout=30, check=True)
    assert "2017-07-14T00:00:00.000Z," in done.stdout
