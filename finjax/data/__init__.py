"""Data: from recordings on disk to windows on the device."""
