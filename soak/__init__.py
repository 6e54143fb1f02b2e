"""Long tests: `python -m soak.NAME`, or all of them by `make soak`."""
