"""What is wrong with a request, as the sentence and status that its sender gets."""


class RequestError(Exception):
    """A request that cannot be answered; the message is a sentence that names the field at fault."""

    status = 400
    cause = "bad_request"
    """The same in a word, to be counted by."""
    retry_after_s = 0
    """When to try again; zero: the same request will not do better."""


class UnauthorizedError(RequestError):
    """Who asks has not said who they are."""

    status = 401
    cause = "unauthorized"


class ForbiddenError(RequestError):
    """The site does not want that to be done here."""

    status = 403
    cause = "forbidden"


class UnreadableError(RequestError):
    """The body is of a type that is not taken here."""

    status = 415
    cause = "unreadable"


class TooLargeError(RequestError):
    """The body is longer than any real request."""

    status = 413
    cause = "too_large"


class AwayError(RequestError):
    """The router is away: the request was fine, try again."""

    status = 503
    cause = "away"
    retry_after_s = 2


class BusyError(RequestError):
    """There is more to do than can be done in time: the request was fine, and nobody was asked."""

    status = 503
    cause = "busy"
    retry_after_s = 1
