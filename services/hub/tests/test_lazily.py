"""Packages that are imported when they are first used; and what crossbar.io imports with that."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from sisock_hub.lazily import Deferred

NEEDED = {
    "OpenSSL", "annotated_types", "argon2", "attr", "attrs", "autobahn", "automat", "base58", "bcrypt",
    "bitarray", "bjdata", "blake3", "brotli", "cbor2", "cffi", "cfxdb", "ckzg", "click", "colorama",
    "constantly", "crossbar", "cryptography", "cython_runtime", "cytoolz", "ecdsa", "ens", "eth_account",
    "eth_hash",
    "eth_keys", "eth_rlp", "eth_typing", "eth_utils", "flatbuffers", "greenlet", "h2", "hexbytes", "hkdf",
    "hpack", "humanize", "hyperframe", "hyperlink", "idna", "incremental", "jinja2", "markupsafe", "mmh3",
    "msgpack", "multihash", "nacl", "numpy", "passlib", "priority", "psutil", "pyasn1", "pycparser",
    "pydantic", "pydantic_core", "pygments", "pyqrcode", "pytrie", "rich", "rlp", "service_identity",
    "setproctitle", "sisock", "sisock_hub", "six", "sortedcontainers", "structlog", "toolz", "twisted",
    "txaio", "typing_extensions", "typing_inspection", "varint", "watchdog", "xbr", "yaml", "zlmdb",
    "zope",
}  # fmt: skip
"""What a router of ours imports at its start, all of it measured; another name is a question."""


@pytest.fixture
def toys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name, text in {
        "toybox": "import sys\nsys.toys_loaded.append(__name__)\nclass Toy:\n    kind = 'toy'\n"
        "def play(n):\n    return 2 * n\nclass Doll(Toy):\n    pass\n",
        "toybox/sub": "class Car:\n    pass\n",
    }.items():
        file = tmp_path / (f"{name}/__init__.py" if name == "toybox" else f"{name}.py")
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    loaded: list[str] = []
    monkeypatch.setattr(sys, "toys_loaded", loaded, raising=False)
    deferred = Deferred(["toybox", "no_such_toys"], lambda: loaded.append("adapted"))
    deferred.install()
    yield loaded
    if deferred in sys.meta_path:
        sys.meta_path.remove(deferred)
    for name in [n for n in sys.modules if n.startswith("toybox")]:
        del sys.modules[name]


def stand_ins():
    toybox = importlib.import_module("toybox")
    sub = importlib.import_module("toybox.sub")
    return toybox, toybox.Toy, toybox.play, sub.Car


def test_naming_what_is_deferred_loads_nothing(toys: list[str]) -> None:
    toybox, toy, play, _car = stand_ins()
    assert hasattr(toybox, "Toy") and hasattr(toy, "kind")  # noqa: PT018
    assert (toy | None, play == toy, hash(play) != hash(toy)) == (toy | None, False, True)
    assert toys == []


def test_what_is_used_is_loaded_for_real_and_adapted_first(toys: list[str]) -> None:
    toybox, toy, play, _car = stand_ins()
    assert play(21) == 42
    assert toys == ["adapted", "toybox"]
    assert toybox.play(1) == 2
    assert toy.kind == "toy"
    assert type(toy()) == toy  # noqa: E721 (as crossbar.io asks)
    assert importlib.import_module("toybox").__file__.endswith("toybox/__init__.py")


def test_stand_ins_of_the_same_thing_are_that_thing_once_it_is_there(toys: list[str]) -> None:
    toybox, toy, play, _car = stand_ins()
    again = toybox.Toy
    assert repr(toy) == "<toybox.Toy, later>"
    assert toys == []
    play(1)
    assert toy == again
    assert toy != play
    assert repr(toy) == "<class 'toybox.Toy'>"


def test_stand_ins_come_before_all_other_finders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    one = Deferred(["nothing"])
    one.install()
    assert sys.meta_path[0] is one
    assert one.loaded is False


def test_a_class_can_be_made_of_one_that_is_deferred(toys: list[str]) -> None:
    _toybox, toy, _play, car = stand_ins()

    class Doll(toy):  # type: ignore[misc, valid-type]
        pass

    assert isinstance(Doll(), toy) and issubclass(Doll, toy)  # noqa: PT018
    assert not isinstance(car(), toy)
    assert Doll.kind == "toy"


def test_what_is_not_installed_is_told_at_once(toys: list[str]) -> None:
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("no_such_toys")
    importlib.import_module("toybox")
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("toybox.no_such_part")
    assert toys == []


def run(code: str) -> dict:
    """Run code in an interpreter of its own; what it prints last, as JSON."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.peer
def test_a_router_imports_nothing_at_its_start_that_is_not_known_to_be_needed() -> None:
    found = run(
        "import json, sys\n"
        "from sisock_hub import lazily, router, alone\n"
        "router.preload()\n"
        "real = {n for n, m in sys.modules.items() if not isinstance(m, lazily._Module)}\n"
        "packages = {n for n in real if n.partition('.')[0] == n} - set(sys.stdlib_module_names)\n"
        "deferred = {p for group in (router.BLOCK_CHAIN, *router.SELDOM_USED) for p in group}\n"
        "print(json.dumps({'packages': sorted(p for p in packages if not p.startswith('_')),"
        " 'deferred': sorted(real & deferred),"
        " 'words': [hl.hltype(run) + hl.hlval(1) + hl.hlid(2) for hl in"
        " (sys.modules['crossbar._util'], sys.modules['autobahn.util']) for run in [router.preload]],"
        " 'modules': len(real)}))"
    )
    assert found["words"] == ["<sisock_hub.router.preload>12"] * 2
    assert found["deferred"] == []
    assert sorted(set(found["packages"]) - NEEDED) == []
    assert found["modules"] < 1700


USES = """
import json, sys
{before}
import crossbar, crossbar.edge
import treq, txtorcon, web3, xbr, yapf
from crossbar.edge.worker.xbr import MarketMaker
from eth_abi import encode_single
from eth_account import Account
from werkzeug.routing import Map
account = Account.from_key(bytes(range(32)))
stored = account.encrypt("secret", kdf="pbkdf2", iterations=2)
print(json.dumps([
    web3.Web3.toChecksumAddress("0x" + 20 * "ab"), encode_single(["uint8"], [7]).hex(), account.address,
    Account.decrypt(stored, "secret").hex(), str(xbr.FederatedRealm.CONTRACT_ADDRESS),
    issubclass(int, MarketMaker), [str(r) for r in Map([]).iter_rules()], isinstance(3, txtorcon.TorConfig),
    [m for m in ("treq", "yapf") if m in sys.modules],
    "web3.main" in sys.modules,
]))
"""


@pytest.mark.peer
def test_what_a_site_needs_of_the_deferred_packages_works_as_if_they_were_not() -> None:
    plain = run(USES.format(before=""))
    deferred = run(USES.format(before="from sisock_hub import router\nrouter.preload()"))
    assert deferred[-1] is True
    assert deferred == plain
