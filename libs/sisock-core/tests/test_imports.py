"""Importing has no effect and stays light."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.peer


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
    modules = "base, connection, runner, session"
    code = f"import sys; from sisock import {modules}; print('twisted.internet.reactor' in sys.modules)"
    assert run(code) == "False"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("sisock.testing", "sisock_testing"),
        ("sisock.testing.ocs", "sisock_testing.ocs"),
        ("sisock.testing.stack", "sisock_testing.stack"),
        ("sisock.conformance", "sisock_testing.conformance"),
        ("sisock.dated_files", "sisock_archive.dated_files"),
        ("sisock.lru", "sisock_archive.lru"),
        ("sisock.piecewise", "sisock_archive.piecewise"),
        ("sisock.text_columns", "sisock_archive.text_columns"),
        ("sisock.client", "sisock_client"),
        ("sisock.consumer", "sisock_consumer.consumer"),
        ("sisock.replies", "sisock_consumer.replies"),
        ("sisock.target", "sisock_consumer.target"),
        ("sisock.moments", "sisock_consumer.moments"),
        ("sisock.spreadsheets", "sisock_consumer.spreadsheets"),
    ],
)
class TestOldNames:
    def test_an_old_name_says_what_to_install(self, old: str, new: str) -> None:
        distribution = new.split(".", maxsplit=1)[0]
        missing = f"import sys; sys.modules[{distribution!r}] = None\n"
        told = run(f"{missing}try: from {old} import anything\nexcept ImportError as error: print(error)")
        assert told.endswith(f" not installed: pip install {distribution.replace('_', '-')}")

    def test_an_old_name_is_the_new_one(self, old: str, new: str) -> None:
        pytest.importorskip(new)
        same = "all(getattr(old, name) is there for name, there in vars(new).items() if name[0].isalpha())"
        code = f"import {old} as old, {new} as new; print({same})"
        assert run(code) == "True"


def test_the_conformance_command_without_its_distribution_says_what_to_install() -> None:
    code = (
        "import runpy, sys; sys.modules['sisock_testing'] = None;"
        "runpy.run_module('sisock.conformance', run_name='__main__')"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    sentence = "the conformance suite is not installed: pip install sisock-testing"
    assert (done.returncode, done.stderr.strip()) == (1, sentence)


NO_SECRET = "import os; os.environ.pop('WAMP_SECRET', None); os.chdir('/');"
NAMES = (
    "BASE_URI, OCS_PORT, REALM, SISOCK_HOST, SISOCK_PORT, WAMP_URI, WAMP_USER, DataNodeServer, "
    "sisock_to_unix_time, uri"
)


def test_all_names_are_imported_where_there_is_no_secret() -> None:
    assert run(f"{NO_SECRET} from sisock.base import *; {NAMES}; print(WAMP_USER)") == "server"


def test_all_names_are_imported_with_the_secret_where_there_is_one() -> None:
    code = (
        f"import os; os.environ['WAMP_SECRET'] = 'x'; from sisock.base import *; {NAMES}; print(WAMP_SECRET)"
    )
    assert run(code) == "x"


def test_the_secret_alone_says_what_to_provide() -> None:
    code = f"{NO_SECRET} from sisock.errors import ConfigError\ntry: from sisock.base import WAMP_SECRET\n"
    told = run(f"{code}except ConfigError as error: print(error)")
    assert told.startswith("no secret for WAMP_USER='server': set WAMP_SECRET or WAMP_SECRET_FILE")


def test_the_version_is_that_of_the_distribution() -> None:
    code = "import sisock, importlib.metadata as m; print(sisock.__version__ == m.version('sisock-core'))"
    assert run(code) == "True"


def test_a_data_server_loads_nothing_that_only_a_port_for_metrics_needs() -> None:
    needless = "('importlib.metadata', 'prometheus_client', 'twisted.web.http')"
    code = (
        f"import sys; from sisock import runner, session; print([m for m in {needless} if m in sys.modules])"
    )
    assert run(code) == "[]"
