"""Evaluation: predictions, scores, figures, tables."""
