"""Importing has no effect and stays light."""

import subprocess
import sys


def run(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    ).stdout.strip()


def test_import_sisock_alone_makes_sisock_base_available() -> None:
    assert (
        run("import sisock; print(sisock.base.uri('data_node.add'))") == "org.simonsobservatory.data_node.add"
    )


def test_import_sisock_loads_no_network_library() -> None:
    heavy = run(
        "import sys, sisock; print([m for m in ('autobahn', 'twisted', 'numpy') if m in sys.modules])"
    )
    assert heavy == "[]"


def test_a_parsers_tests_need_no_network_library() -> None:
    heavy = run(
        "import sys, sisock; sisock.DataNode, sisock.Field, sisock.Series;"
        "print([m for m in ('autobahn', 'twisted') if m in sys.modules])"
    )
    assert heavy == "[]"


def test_importing_the_core_installs_no_reactor() -> None:
    modules = "base, connection, consumer, runner, session"
    code = f"import sys; from sisock import {modules}; print('twisted.internet.reactor' in sys.modules)"
    assert run(code) == "False"
