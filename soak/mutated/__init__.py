"""Damaged input files: what is damaged how, and what reading them must come to."""
