"""Files: as they are on disk, as they were read, and as the index has them."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sisock_g3.file_content import FileContent
from sisock_g3.frames import Lost


@dataclass(frozen=True, slots=True)
class Seen:
    """A file as it is on disk."""

    path: str
    filename: str
    size: int
    mtime_ns: int

    @property
    def full(self) -> Path:
        """Where it is."""
        return Path(self.path, self.filename)

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from others."""
        return self.path, self.filename


@dataclass(frozen=True, slots=True)
class Known:
    """A file as the index has it, for the scanner to go on with."""

    file_id: int
    size: int
    mtime_ns: int
    indexed: int
    tail: int
    state: str
    cut: bool
    reported: bool


@dataclass(frozen=True, slots=True)
class Indexed:
    """A file as it was when it was indexed, for the reader to compare with what is there now."""

    path: Path
    size: int
    mtime_ns: int
    end: int
    tail: int


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A file that was read: what it was, what it holds, and the index's file it continues."""

    seen: Seen
    content: FileContent
    tail: int
    continues: Known | None
    replaces: Known | None
    reported: bool


def state_of(content: FileContent) -> str:
    """What has to be known to read a file on from where it ended; see `before`."""
    state: dict[str, Any] = {"session_id": content.session_id, "known": content.known}
    if content.lost:
        state["lost"] = [[one.begin, one.end, one.why] for one in content.lost]
        state["lost_more"] = content.lost_more
    return json.dumps(state)


def before(known: Known) -> FileContent:
    """What was known of a file at the end of what is indexed."""
    state = json.loads(known.state)
    return FileContent(
        known.indexed,
        known.indexed,
        session_id=state["session_id"],
        known={int(number): description for number, description in state["known"].items()},
        lost=[Lost(*one) for one in state.get("lost", [])],
        lost_more=state.get("lost_more", 0),
    )
