"""How much a user may register, without a router."""

from sisock_hub.rights import Rules, Taken, why_not_register

URI = "org.simonsobservatory.consumer.{}.get_data"
SERVER, OTHER = ("wampcra", "server"), ("wampcra", "other")


def test_a_user_takes_so_many_procedures_and_no_more() -> None:
    taken = Taken(3, lambda _user, _uri: True)
    assert [taken.why_not(SERVER, URI.format(n)) for n in range(3)] == ["", "", ""]
    assert taken.why_not(SERVER, URI.format(3)) == "the user has 3 procedures already"
    assert taken.why_not(SERVER, URI.format(1)) == ""
    assert taken.why_not(OTHER, URI.format(3)) == ""
    assert taken.why_not(SERVER, "observatory.agent.ops") == ""


def test_what_a_user_has_no_more_makes_room_again() -> None:
    held = {URI.format(n) for n in range(3)}
    taken = Taken(3, lambda _user, uri: uri in held)
    for n in range(3):
        taken.why_not(SERVER, URI.format(n))
    held.discard(URI.format(1))
    assert taken.why_not(SERVER, URI.format(7)) == ""
    held.add(URI.format(7))
    assert taken.why_not(SERVER, URI.format(8)) == "the user has 3 procedures already"


def test_sessions_of_one_user_may_share_a_name_by_turns_and_those_of_two_may_not() -> None:
    uri = URI.format("a")
    assert why_not_register(Rules(), SERVER, uri, ("exact", "roundrobin"), [SERVER]) == ""
    why = why_not_register(Rules(), SERVER, uri, ("exact", "roundrobin"), [OTHER])
    assert why == "another user has that name"
    assert "shared by roundrobin" in why_not_register(Rules(), SERVER, uri, ("exact", "random"), [])
