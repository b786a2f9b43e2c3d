"""What is wrong with a site's file, in sentences."""

from collections.abc import Sequence

from sisock.errors import SisockError

MOST_BYTES = 4 * 1024 * 1024


class SiteError(SisockError):
    """A site's file that cannot be used; `problems` are sentences, one for each wrong part."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)
