"""What Prometheus reads of the fields: value, age and state of those that have limits or are listed for it.

A field without either is only counted: alarms are for what somebody said something about.
"""

from collections.abc import Callable, Iterator

import numpy as np
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sisock_site import SiteFile

from sisock_watch import answers
from sisock_watch.roll import Roll

_LABELS = ["field", "label", "units"]


class Fields(Collector):
    """Fields, read where they are kept; in the reactor thread.

    Parameters
    ----------
    clock : callable
        The present, UNIX seconds.
    roll : Roll
    site_file : SiteFile
        Which fields and nodes are expected.
    """

    def __init__(self, clock: Callable[[], float], roll: Roll, site_file: SiteFile) -> None:
        self._clock = clock
        self._roll = roll
        self._site_file = site_file

    def collect(self) -> Iterator[Metric]:
        """See `prometheus_client`."""
        now, roll, site = self._clock(), self._roll, self._site_file.site
        value = GaugeMetricFamily("sisock_field_value", "Newest value of a field, as shown", labels=_LABELS)
        age = GaugeMetricFamily(
            "sisock_field_age_seconds",
            "Age of its newest sample; below zero: ahead of our clock",
            labels=_LABELS,
        )
        state = GaugeMetricFamily(
            "sisock_field_state", "1 for the state that the field is in", labels=[*_LABELS, "state"]
        )
        for identity, entry in roll.entries.items():
            facts = entry.facts
            if not (facts.metric or facts.expected):
                continue
            condition = roll.board[identity]
            labels = [entry.target, facts.label or "", facts.units or ""]
            state.add_metric([*labels, str(condition.state)], 1)
            if condition.t is not None:
                age.add_metric(labels, now - condition.t)
            if isinstance(condition.value, int | float | np.number | np.bool_):
                value.add_metric(labels, float(condition.value))
        for name in roll.absent(site):
            state.add_metric([name, "", "", "unknown"], 1)
        fields = GaugeMetricFamily("sisock_fields", "Fields in each state", labels=["state"])
        for name, number in answers.counts(roll).items():
            fields.add_metric([name], number)
        expected = GaugeMetricFamily(
            "sisock_expected_node_up", "Whether a node of the site's file is online", labels=["node"]
        )
        for name in site.expected_nodes:
            node = roll.nodes.get(name)
            expected.add_metric([name], node is not None and node.here)
        yield from (value, age, state, fields, expected)
