"""Examples, each a program of its own: `python -m examples.decode_recording`."""
