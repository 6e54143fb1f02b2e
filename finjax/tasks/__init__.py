"""Tasks: the stages that train and evaluate models."""
