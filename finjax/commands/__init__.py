"""The command line: the command `finjax`, and the options of `main.py`."""
