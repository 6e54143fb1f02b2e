"""Training: batches, steps, optimiser, the loop around them."""
