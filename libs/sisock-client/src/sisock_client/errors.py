"""What a request of a person's can end with."""

from sisock.errors import SisockError


class ClientError(SisockError):
    """The stack cannot be asked, or refuses; the sentence says why."""


class UnknownFieldError(ClientError):
    """None of the fields that were asked for exists, as far as the stack knows."""
