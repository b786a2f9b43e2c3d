"""What is wrong is said once."""

from threading import Thread

from sisock.trouble import Once, Trouble


def test_trouble_is_said_when_it_begins_and_when_its_reason_changes() -> None:
    said: list[tuple[str, object]] = []
    trouble = Trouble(lambda event, **fields: said.append((event, fields["why"])), "hub.away")
    for why in ("no answer", "no answer", "no such procedure"):
        trouble.tell(why)
    assert said == [("hub.away", "no answer"), ("hub.away", "no such procedure")]
    assert trouble.over()
    assert not trouble.over()
    trouble.tell("no such procedure")
    assert len(said) == 3


def test_each_of_many_things_is_new_once() -> None:
    once = Once()
    assert [once.is_new("a", "x"), once.is_new("a", "y"), once.is_new("a", "x")] == [True, True, False]


def test_beyond_its_bound_nothing_is_new() -> None:
    once = Once(2)
    assert [once.is_new(number) for number in (1, 2, 3, 1)] == [True, True, False, False]


def test_what_is_gone_is_new_when_it_is_there_again() -> None:
    once = Once(2)
    assert once.is_new("file", "a")
    assert once.is_new("file", "b")
    once.forget(lambda said: said[1] == "a")
    assert [once.is_new("file", "b"), once.is_new("file", "a")] == [False, True]


def test_threads_that_come_together_do_not_both_find_it_new() -> None:
    once, found = Once(), []
    threads = [
        Thread(target=lambda: found.extend(number for number in range(2000) if once.is_new(number)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(found) == list(range(2000))
