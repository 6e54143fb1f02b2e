"""Damaged input files: how they are damaged, and which results of reading them are right."""
