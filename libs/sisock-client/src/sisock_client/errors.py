"""What a request of a person's can end with."""

from sisock.errors import SisockError


class ClientError(SisockError):
    """The stack cannot be asked, or refuses; the sentence says why."""
