"""For tests of archives: real .g3 files, written by so3g, an index of them, and a real MariaDB."""

from sisock_g3.testing.archive import Feed, Writer
from sisock_g3.testing.indexing import make_index
from sisock_g3.testing.mariadb import MariaDb

__all__ = ["Feed", "MariaDb", "Writer", "make_index"]
