"""What tests of damaged frames share."""

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def bounded_memory() -> Iterator[None]:
    """so3g makes room for what a length promises, before it looks whether that is there."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + 2**30, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)
