"""Guided recording: prompts a person, labels the samples of a source, and writes them as BIDS."""
