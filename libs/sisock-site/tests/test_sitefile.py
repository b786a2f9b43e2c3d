"""A file that comes, changes, breaks and goes."""

from pathlib import Path

from sisock import Field
from sisock_site import EMPTY, News, SiteFile

GOOD = '[[fields]]\nmatch = "*"\nunits = "K"\n'


def units(file: SiteFile) -> str | None:
    return file.site.facts("n", Field("a")).units


def test_a_file_that_is_not_there_is_an_empty_one_and_no_news(tmp_path: Path) -> None:
    for file in (SiteFile(None), SiteFile(tmp_path / "site.toml")):
        assert file.look() is None
        assert file.site is EMPTY


def test_a_file_is_read_when_it_comes_and_when_it_changes_and_not_between(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    file = SiteFile(path)
    file.look()
    path.write_text(GOOD)
    assert file.look() == News(changed=True)
    assert units(file) == "K"
    assert file.look() is None
    path.write_text(GOOD.replace("K", "V"))
    assert file.look() == News(changed=True)
    assert units(file) == "V"


def test_the_last_good_one_is_kept_while_a_file_is_wrong_which_is_said_once(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    path.write_text(GOOD)
    file = SiteFile(path)
    file.look()
    for content, told in (
        (b"[[fields]]\nunits = 3", f"{path}: [[fields]] number 1: match is missing"),
        (b"\xff", f"{path}: it is no UTF-8: byte 0"),
        (b"#" * 5_000_000, f"{path}: it has more than 4194304 bytes"),
    ):
        path.write_bytes(content)
        news = file.look()
        assert news is not None
        assert (news.changed, news.problems[0]) == (False, told)
        assert file.problems == news.problems
        assert file.look() is None
        assert units(file) == "K"
    path.write_text(GOOD)
    assert file.look() == News(changed=True)
    assert file.problems == ()


def test_a_file_that_goes_leaves_what_it_said_last(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    path.write_text(GOOD)
    file = SiteFile(path)
    file.look()
    path.unlink()
    assert file.look() == News(changed=False, problems=(f"{path}: is gone: what it said last goes on",))
    assert file.look() is None
    assert units(file) == "K"
    path.mkdir()
    news = file.look()
    assert news is not None
    assert news.problems == (f"{path}: cannot be read: Is a directory",)
