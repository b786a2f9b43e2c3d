"""What Prometheus reads of fields, from literal input."""

from pathlib import Path

import numpy as np
import pytest
from prometheus_client import CollectorRegistry
from sisock import Bounds, Field, Series
from sisock_site import SiteFile
from sisock_watch.measures import Fields
from sisock_watch.roll import Roll

T0 = 1_500_000_000.0
SITE = """
[expected]
nodes = ["tap", "boiler"]
fields = ["tap::gone"]

[[fields]]
match = "tap::listed"
metric = true
units = "K"
scale = 2.0
label = "Listed one"

[[fields]]
match = "tap::unwanted"
metric = false
"""


class Subject:
    def __init__(self, folder: Path) -> None:
        file = folder / "site.toml"
        file.write_text(SITE)
        site_file = SiteFile(file)
        site_file.look()
        self.roll = Roll(T0, {})
        self.roll.router(T0, here=True)
        self.roll.node_came(T0, "tap", live=True)
        limits = Bounds(alarm_high=5.0)
        fields = [
            Field("cold"),
            Field("hot", units="C", limits=limits),
            Field("listed"),
            Field("unwanted", limits=limits),
        ]
        self.roll.listed(T0, "tap", [(one, site_file.site.facts("tap", one)) for one in fields])
        self.registry = CollectorRegistry()
        self.registry.register(Fields(lambda: T0 + 10, self.roll, site_file))

    def hear(self, name: str, value: float) -> None:
        self.roll.heard(T0 + 4, "tap", [Series(name, np.array([T0 + 3]), np.array([value]))])

    def told(self, name: str, field: str, label: str = "", units: str = "", **more: str) -> float | None:
        return self.registry.get_sample_value(name, {"field": field, "label": label, "units": units, **more})


@pytest.fixture
def subject(tmp_path: Path) -> Subject:
    """Fields of one node, with a site's file."""
    return Subject(tmp_path)


def test_a_field_with_limits_has_value_age_and_the_state_that_it_is_in_alone(subject: Subject) -> None:
    subject.hear("hot", 6.0)
    assert subject.told("sisock_field_value", "tap::hot", units="C") == 6.0
    assert subject.told("sisock_field_age_seconds", "tap::hot", units="C") == 7.0
    assert subject.told("sisock_field_state", "tap::hot", units="C", state="alarm") == 1
    assert subject.told("sisock_field_state", "tap::hot", units="C", state="fresh") is None


def test_a_listed_field_is_told_as_it_is_shown(subject: Subject) -> None:
    subject.hear("listed", 6.0)
    assert subject.told("sisock_field_value", "tap::listed", "Listed one", "K") == 12.0
    assert subject.told("sisock_field_state", "tap::listed", "Listed one", "K", state="fresh") == 1


def test_fields_that_nobody_said_anything_about_are_only_counted(subject: Subject) -> None:
    subject.hear("cold", 6.0)
    assert subject.told("sisock_field_value", "tap::cold") is None
    assert subject.told("sisock_field_state", "tap::unwanted", state="unknown") is None
    assert subject.registry.get_sample_value("sisock_fields", {"state": "fresh"}) == 1
    assert subject.registry.get_sample_value("sisock_fields", {"state": "unknown"}) == 3


def test_what_is_expected_and_not_there_is_unknown_or_down(subject: Subject) -> None:
    assert subject.told("sisock_field_state", "tap::gone", state="unknown") == 1
    assert subject.registry.get_sample_value("sisock_expected_node_up", {"node": "tap"}) == 1
    assert subject.registry.get_sample_value("sisock_expected_node_up", {"node": "boiler"}) == 0
