"""The description of the interface, and a machine that tries all that it promises."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from sisock_http.dialects.api import described

Bridge = Any
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "allow_header_conformance",
]
EXAMPLES = 40 if "SISOCK_LONG" in os.environ else 12


def run_schemathesis(bridge: Bridge, tmp_path: Path, checks: list[str], *only: str) -> None:
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        "run",
        f"{bridge.url}/api/v1/openapi.json",
        f"--checks={','.join(checks)}",
        f"--max-examples={EXAMPLES}",
        "--phases=examples,coverage,fuzzing",
        "--generation-deterministic",
        "--continue-on-failure",
        "--warnings=off",
        "--no-color",
        *only,
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert "request.failed" not in bridge.process.text()


def test_no_request_that_is_described_fails_or_is_answered_otherwise(bridge: Bridge, tmp_path: Path) -> None:
    run_schemathesis(bridge, tmp_path, CHECKS)


def test_what_the_plain_interface_does_not_describe_is_refused(bridge: Bridge, tmp_path: Path) -> None:
    run_schemathesis(bridge, tmp_path, ["negative_data_rejection"], "--include-path-regex=^/api/v1")


def test_every_route_of_the_plain_interface_is_described(bridge: Bridge) -> None:
    described = bridge.get("/api/v1/openapi.json").json()["paths"]
    assert set(described) >= {f"/api/v1/{name}" for name in ("status", "nodes", "fields", "data", "latest")}
    for route in described:
        assert bridge.get(route).status_code in (200, 204, 400, 405)


def test_that_tokens_may_be_given_or_are_needed_is_described() -> None:
    free, guarded = (json.loads(described(asks=asks)) for asks in (False, True))
    assert free["security"] == [{}, {"bearer": []}, {"basic": []}]
    assert guarded["security"] == [{"bearer": []}, {"basic": []}]
    schemes = guarded["components"]["securitySchemes"]
    assert {name: (scheme["type"], scheme["scheme"]) for name, scheme in schemes.items()} == {
        "bearer": ("http", "bearer"),
        "basic": ("http", "basic"),
    }
    refused = {"$ref": "#/components/responses/Unauthorized"}
    answers = [operation["responses"] for path in guarded["paths"].values() for operation in path.values()]
    assert all(answer["401"] == refused for answer in answers)
    assert {**guarded, "security": free["security"]} == free
