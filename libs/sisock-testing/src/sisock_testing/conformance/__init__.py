"""Conformance suite: does a data server on a live stack keep the contract? Told in words.

From a shell, configured by the environment as any consumer is::

    python -m sisock.conformance NAME

and in pytest, with a `sisock_testing.Peer`::

    assert peer.breaches(NAME) == []
"""

from sisock_testing.conformance.checks import Check, Outcome, check_node

__all__ = ["Check", "Outcome", "check_node"]
