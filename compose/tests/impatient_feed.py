"""data-feed, started as a script: a feed is silent after two seconds, where a site waits ten to sixty."""

from sisock import rhythm
from sisock_data_feed.__main__ import main

if __name__ == "__main__":
    rhythm.SOONEST_S = rhythm.UNKNOWN_S = 2.0
    main()
