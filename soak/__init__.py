"""Tests that take up to hours: `python -m soak.NAME`, or all of them by `make soak`."""
