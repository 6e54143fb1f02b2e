"""From recordings to decoders in one command: cross-validation by repetition, then a decoder of all repetitions."""
