"""Configurations: `default.py` gives every field its default, other files override a few. Users pass files of `configs/`."""
