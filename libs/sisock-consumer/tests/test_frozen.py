"""What is handed from one to the other does not change on the way."""

from sisock_testing.frozen import frozen

FROZEN = [
    "consumer.NodeInfo",
    "replies.Listing",
    "replies.Reading",
    "target.Target",
]


def test_what_several_may_hold_does_not_change() -> None:
    assert frozen("sisock_consumer") == FROZEN
