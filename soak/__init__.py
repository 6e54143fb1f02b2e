"""What takes long to show: kills at random moments, and hours of training."""
