"""What is handed from one to the other does not change on the way."""

from sisock_testing.frozen import frozen

FROZEN = [
    "backoff.Backoff",
    "bounds.Bounds",
    "config.NodeConfig",
    "config.RouterConfig",
    "node.Bins",
    "node.Field",
    "node.Grid",
    "node.Limits",
    "node.Series",
    "node.Update",
    "session.Form",
    "steps.Run",
]


def test_what_several_may_hold_does_not_change() -> None:
    assert frozen("sisock") == FROZEN
