"""Trained models: restored from checkpoints, or exported to one file."""
