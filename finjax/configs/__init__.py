"""Configurations: `default.py` gives every field its default, the others override a few. Users pass `configs/`."""
