"""finjax against the published design in PyTorch, side by side: `python -m benchmarks`, or one of the modules."""
