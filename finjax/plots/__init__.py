"""Figures of runs, from the command line: `python -m finjax.plots`."""
