"""Something that is wrong until it is not: said when it begins and when its reason changes."""

from collections.abc import Callable


class Trouble:
    """One kind of trouble.

    Parameters
    ----------
    say : callable
        A logger's method, `log.warning` say.
    event : str

    Attributes
    ----------
    why : str
        What was said of it last; empty when it is over.
    """

    def __init__(self, say: Callable[..., object], event: str) -> None:
        self._say = say
        self._event = event
        self.why = ""

    def tell(self, why: str, **fields: object) -> None:
        """It is wrong because of `why`: say so, with further fields, unless that was said last."""
        if why != self.why:
            self.why = why
            self._say(self._event, why=why, **fields)

    def over(self) -> bool:
        """It is right again; whether it was wrong."""
        was, self.why = bool(self.why), ""
        return was
