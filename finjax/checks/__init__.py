"""What a configuration may hold, checked before any data is read."""
