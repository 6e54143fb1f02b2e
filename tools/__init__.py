"""Tools for those who work on finjax."""
