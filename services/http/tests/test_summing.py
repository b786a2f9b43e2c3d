"""Bins of nodes that know nothing of bins, from samples that are asked for in pieces."""

import numpy as np
from sisock.node import Grid, Series
from sisock_consumer.target import Target
from sisock_http.asking import summing
from sisock_http.asking.found import Found
from sisock_http.asking.question import Question
from sisock_testing.still import StillReactor
from twisted.internet.defer import ensureDeferred

T = np.arange(1000.0, 2000.0)


class OldNode:
    """Refuses more than so many samples."""

    def __init__(self, most: int) -> None:
        self.most, self.asked = most, []

    async def read(self, question: Question) -> Found:
        chosen = (question.start <= T) & (question.end > T)
        self.asked.append((question.start, question.end))
        if chosen.sum() > self.most:
            return Found(problems={"x": f"too much{summing.TOO_MUCH}"})
        return Found(series={"x": Series("x", T[chosen], T[chosen])})


def summed(node: OldNode) -> Found:
    question = Question((Target("old", "x"),), 1000.0, 2000.0, grid=Grid(300 * 10**6))
    answers: list[Found] = []
    ensureDeferred(summing.from_samples(StillReactor(), node.read, ["x"], question)).addCallback(
        answers.append
    )
    return answers[0]


def test_a_range_that_is_too_much_is_halved_until_it_is_not() -> None:
    whole, pieces = summed(OldNode(10_000)), summed(OldNode(100))
    for found in (whole, pieces):
        assert found.problems == {}
        assert found.summed
        assert found.bins["x"].t.tolist() == [900.0, 1200.0, 1500.0, 1800.0]
        assert found.bins["x"].count.tolist() == [200.0, 300.0, 300.0, 200.0]
        assert found.bins["x"].sum is not None
        assert found.bins["x"].sum.tolist() == [
            float(T[a:b].sum()) for a, b in ((0, 200), (200, 500), (500, 800), (800, 1000))
        ]


def test_a_range_that_is_always_too_much_is_a_problem_and_asked_no_more_than_it_helps() -> None:
    node = OldNode(0)
    found = summed(node)
    assert found.bins == {}
    assert found.problems["x"].startswith("too much")
    assert len(node.asked) == 2 ** (summing.MOST_HALVINGS + 1) - 1


def test_a_question_without_bins_sums_nothing_up() -> None:
    asked = ensureDeferred(
        summing.from_samples(StillReactor(), OldNode(1).read, ["x"], Question((), 0.0, 1.0))
    )
    assert asked.result.check(ValueError)
    asked.addErrback(lambda _: None)
