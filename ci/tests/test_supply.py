"""What packages and images are made of."""

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sisock_ci import dockerfiles, supply
from sisock_ci.errors import CiError
from sisock_ci.services import find_package, services

ROOT = Path(__file__).parents[2]
DIGEST = "sha256:" + "0f" * 32


def registry(answer: Any) -> Any:
    def get(_name: str) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return SimpleNamespace(id=answer)

    return SimpleNamespace(images=SimpleNamespace(get_registry_data=get))


def test_base_images_are_named_by_the_digest_that_the_registry_has(tmp_path: Path) -> None:
    (tmp_path / "ci").mkdir()
    assert supply.pinned(tmp_path, dockerfiles.BASE) == dockerfiles.BASE
    supply.renew(tmp_path, [dockerfiles.BASE], registry(DIGEST))
    base = supply.pinned(tmp_path, dockerfiles.BASE)
    assert base == f"{dockerfiles.BASE}@{DIGEST}"
    made = dockerfiles.text(services(ROOT)[0], base)
    assert re.findall("^FROM (\\S+)", made, re.MULTILINE) == [base, base]
    with pytest.raises(CiError, match="does not say which"):
        supply.renew(tmp_path, [dockerfiles.BASE], registry(OSError("no route")))
    assert supply.pinned(tmp_path, dockerfiles.BASE) == base


def test_a_bill_names_every_distribution_of_the_lock_with_its_hash_and_the_images_base() -> None:
    found = supply.bill(ROOT, find_package(ROOT, "sensors"), dockerfiles.BASE)
    assert (found["bomFormat"], found["specVersion"]) == ("CycloneDX", "1.5")
    by_name = {one["name"]: one for one in found["components"]}
    assert {"autobahn", "numpy", "sisock-core", "python:3.11-slim-bookworm"} <= by_name.keys()
    assert by_name["twisted"]["externalReferences"][0]["hashes"][0]["alg"] == "SHA-256"
    assert by_name["twisted"]["licenses"]
    assert any(one.get("purl", "").startswith("pkg:deb/debian/libsensors") for one in found["components"])
    json.dumps(found)


def test_the_page_of_licences_has_what_images_bring_along() -> None:
    listed = set(re.findall(r"^\| ([^ |]+) \|", (ROOT / supply.LICENCES).read_text(), re.MULTILINE))
    for name in ("http", "g3-reader"):
        for one in supply.bill(ROOT, find_package(ROOT, name), dockerfiles.BASE)["components"]:
            if one.get("purl", "").startswith("pkg:pypi/"):
                assert one["name"] in listed, "say `sisock-ci licences`"
