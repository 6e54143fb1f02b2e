"""Long tests, of what takes long to show: `python -m soak.NAME`, or all of them by `make soak`."""
