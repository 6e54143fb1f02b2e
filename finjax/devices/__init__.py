"""What finjax needs of JAX's devices: which there are, how work is split over them, and how memory is kept small."""
