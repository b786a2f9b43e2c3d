"""What an observatory expects: its file `site.toml`, and the states of fields that follow from it."""

from sisock_site.conversion import Conversion
from sisock_site.problems import SiteError
from sisock_site.site import EMPTY, Facts, Site, parse
from sisock_site.sitefile import News, SiteFile

__all__ = ["EMPTY", "Conversion", "Facts", "News", "Site", "SiteError", "SiteFile", "parse"]
