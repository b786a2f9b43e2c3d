"""``sisock``: ask a stack from the command line."""

import os
import sys
from collections.abc import Sequence

from sisock_client.command_line import glued, parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; what is wrong ends in one sentence and the code 1."""
    understood = parser("Ask a sisock stack: its fields, their samples, how it all is.")
    if "_ARGCOMPLETE" in os.environ:
        from sisock_client.completion import complete  # noqa: PLC0415 (a shell asks)

        complete(understood)
    options = understood.parse_args(glued(sys.argv[1:] if arguments is None else arguments))
    try:
        from sisock_client.commands import run  # noqa: PLC0415 (help comes without numpy and requests)

        return run(options)
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
