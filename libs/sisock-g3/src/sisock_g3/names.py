"""What a field of an archive is called."""

LONGEST = 255
"""Letters that a name may have in the index: the width of its columns (CONTRACT section 6)."""


def fits(description: str, field: str) -> bool:
    """Whether the index has room for a field's name."""
    return len(raw(description, field)) <= LONGEST


def listed(description: str, field: str) -> str:
    """Name of a field as the table `description` has it.

    Notes
    -----
    The provider's description stays as it is; the field's own name is in lower case, with ``_`` for
    blanks (``Channel 01 R`` of ``observatory.LSA22YE`` is ``observatory.LSA22YE.channel_01_r``).
    """
    return f"{description}.{field.lower().replace(' ', '_')}"


def raw(description: str, field: str) -> str:
    """Name of a field as so3g has it: what it measures, whoever serves it (a field's ``source``)."""
    return f"{description}.{field}"
