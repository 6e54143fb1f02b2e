"""Configurations: `default.py` holds every field once, the others override a few; `configs/` is what a user passes."""
