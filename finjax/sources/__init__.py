"""Where samples come from: devices, streams, the network, and recordings that are replayed."""
