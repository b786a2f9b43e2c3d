"""Text that no spreadsheet takes for a formula, since names and values come from other people's machines."""

from typing import Final

_FORMULA_BEGINS: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


def harmless(text: str) -> str:
    """The text, after an apostrophe if a spreadsheet would take it for a formula.

    Parameters
    ----------
    text : str
        One cell of a CSV file. What is a number (``-1.5``) stays as it is.

    Notes
    -----
    https://owasp.org/www-community/attacks/CSV_Injection
    """
    return text if not text.startswith(_FORMULA_BEGINS) or _is_number(text) else f"'{text}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
