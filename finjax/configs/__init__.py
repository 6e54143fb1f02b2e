"""Configurations: `default.py` holds every field once, the others override a few. Users pass files of `configs/`."""
