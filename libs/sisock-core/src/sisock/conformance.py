"""Old name of `sisock_testing.conformance`; ``python -m sisock.conformance NAME`` goes on working."""

import sys

from sisock.moved import forward

__getattr__ = forward("sisock_testing.conformance", "the conformance suite is")

if __name__ == "__main__":
    try:
        main = forward("sisock_testing.conformance.__main__", "the conformance suite is")("main")
    except ImportError as error:
        sys.exit(str(error))
    main()
