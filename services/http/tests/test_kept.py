"""Replies that are kept beside their answers, and compressed once."""

import gc
from typing import Any

import numpy as np
import pytest
from sisock.node import Series
from sisock_http.asking.found import Found
from sisock_http.asking.question import SharedSeries, Written
from sisock_http.dialects.kept import KeptReplies
from sisock_http.dialects.reply import Pressed, Reply
from sisock_http.web.pressing import gzip, pressed
from twisted.internet.defer import ensureDeferred

BODY = Reply(b"[]" * 1000)


def answer(name: str = "a") -> SharedSeries:
    return SharedSeries(name, np.array([1.0]), np.array([2.0]))


def test_a_reply_is_that_of_its_answers_and_of_no_equal_ones() -> None:
    kept, a, b = KeptReplies(10**6), answer(), answer()
    first = kept.keep(kept.key([a, b], "json"), BODY)
    assert kept.get(kept.key([a, b], "json")) is first
    for others in ([b, a], [a], [a, answer()], []):
        assert kept.get(kept.key(others, "json")) is None
    assert kept.get(kept.key([a, b], "csv")) is None


def test_an_answer_under_another_name_is_the_same_samples() -> None:
    """A field that several nodes hold has its own name in each of them."""
    kept, a = KeptReplies(10**6), answer()
    renamed = SharedSeries("other", a.t, a.values, written=a.written)
    first = kept.keep(kept.key([a], "json"), BODY)
    assert kept.get(kept.key([renamed], "json")) is first


def test_a_reply_goes_with_any_of_its_answers() -> None:
    kept, a, b = KeptReplies(10**6), answer(), answer()
    kept.keep(kept.key([a, b]), BODY)
    kept.keep(kept.key([a]), BODY)
    assert kept.kept_bytes > 2 * len(BODY.body)
    del b
    gc.collect()
    assert kept.get(kept.key([a])) is not None
    assert len(BODY.body) < kept.kept_bytes < 2 * len(BODY.body) + 2048
    del a
    gc.collect()
    assert kept.get(None) is None
    assert kept.kept_bytes == 0


def test_replies_are_kept_up_to_a_bound_and_a_large_one_is_not_at_all() -> None:
    kept, answers = KeptReplies(40_000), [answer() for _ in range(30)]
    keys = [kept.key([one]) for one in answers]
    for key in keys:
        kept.keep(key, BODY)
        kept.get(keys[0])
        assert kept.kept_bytes <= 40_000
    here = [key for key in keys if kept.get(key)]
    assert keys[0] in here
    assert keys[-1] in here
    assert 2 <= len(here) < 12
    large = Reply(b"x" * 5000)
    assert kept.keep(kept.key([answers[0]], "large"), large) is large
    assert kept.get(kept.key([answers[0]], "large")) is None


def test_what_is_nobody_elses_or_cannot_be_told_apart_is_not_kept() -> None:
    kept = KeptReplies(10**6)
    assert kept.key([Series("a", np.array([1.0]), np.array([2.0]))]) is None
    assert kept.key([answer()], ["a list"]) is None
    assert KeptReplies(0).key([answer()]) is None


@pytest.mark.parametrize("made", [Found, Written, Pressed])
def test_what_is_shared_is_known_by_being_the_same(made: Any) -> None:
    one, other = made(), made()
    assert len({one, other}) == 2
    assert one != other


class Threads:
    """A reactor whose threads work when they are let."""

    def __init__(self) -> None:
        self.works: list[Any] = []

    def getThreadPool(self) -> "Threads":
        return self

    def callInThreadWithCallback(self, done: Any, work: Any, *args: Any, **kwargs: Any) -> None:
        self.works.append((done, work, args, kwargs))

    def callFromThread(self, work: Any, *args: Any) -> None:
        work(*args)

    def run(self) -> None:
        works, self.works = self.works, []
        for done, work, args, kwargs in works:
            done(True, work(*args, **kwargs))


def test_a_body_that_several_are_sent_is_compressed_once() -> None:
    kept, a, threads = KeptReplies(10**6), answer(), Threads()
    reply = kept.keep(kept.key([a]), BODY)
    came: list[bytes] = []
    for _ in range(3):
        ensureDeferred(pressed(threads, reply)).addCallback(came.append)
    assert len(threads.works) == 1
    threads.run()
    ensureDeferred(pressed(threads, reply)).addCallback(came.append)
    assert came == [gzip(BODY.body)] * 4
    assert not threads.works
