"""The archive's files: what a name tells, and how a file is read.

``targets/<prefix>_<field>_<start>_<end>.dat`` (CONTRACT section 5): UNIX times in the name, lines
``unix_time value``.
"""

import re

from sisock_archive.dated_files import Place
from sisock_archive.text_columns import TextColumns, parse_columns

FOLDER = "targets"
UNITS = {
    "humidity": "%",
    "pressure": "mBar",
    "radiometer": "mm",
    "dewpoint": "C",
    "temperature": "C",
    "windspeed": "km/h",
    "winddirection": "deg",
}
_NAME = re.compile(rf".+_({'|'.join(UNITS)})_(\d+(?:\.\d+)?)_(\d+(?:\.\d+)?)\.dat")


def place(name: str) -> Place | None:
    """What a file's name tells; None for a file of another kind."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    start, end = float(match[2]), float(match[3])
    # A sample at the very end still belongs to the file.
    return Place(match[1], min(start, end), max(start, end) + 1e-3)


def parse(_place: Place, content: bytes) -> TextColumns:
    """Times and values of a file; a line that is still being written is left for later."""
    return parse_columns(content, whole_lines=True)
