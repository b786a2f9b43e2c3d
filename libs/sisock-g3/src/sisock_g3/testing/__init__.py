"""For tests of archives: real .g3 files, written by so3g, and a real MariaDB."""

from sisock_g3.testing.archive import Feed, Writer
from sisock_g3.testing.mariadb import MariaDb

__all__ = ["Feed", "MariaDb", "Writer"]
