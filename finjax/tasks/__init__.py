"""Tasks: what the stages of the study train and evaluate."""
