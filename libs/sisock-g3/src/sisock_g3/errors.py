"""What can be wrong with a file."""

from sisock.errors import SisockError


class G3Error(SisockError):
    """Something about a .g3 file or the index of an archive."""


class DamagedError(G3Error):
    """The bytes at an offset are no whole, sound frame.

    Parameters
    ----------
    offset : int
        Where the damaged frame begins.
    why : str
        End of a sentence that begins with the offset.
    end : int, optional
        Where the frame ends, as its header says.
    """

    def __init__(self, offset: int, why: str, end: int | None = None) -> None:
        super().__init__(f"from byte {offset} on: {why}")
        self.offset = offset
        self.why = why
        self.end = end


class CutError(DamagedError):
    """The file ends inside of a frame, as one that is being written does."""


class UnknownLayoutError(G3Error):
    """A sound frame that is not of the layout known here; so3g may know it."""
