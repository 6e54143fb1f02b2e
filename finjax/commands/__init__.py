"""The command line: `finjax`, and what `main.py` shares with it."""
