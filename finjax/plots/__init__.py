"""Figures of runs, from the command line: `finjax plots`."""
