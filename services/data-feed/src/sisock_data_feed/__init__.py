"""Data server of live OCS feeds: hears what agents publish, keeps the last hour, serves it."""
