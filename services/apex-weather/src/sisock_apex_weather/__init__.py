"""Data server of the APEX weather archive that is kept at the ACT site."""
