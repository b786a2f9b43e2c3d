"""Data server of the UCSC radiometer on Cerro Toco."""
