"""Access to the operating system: files, locks, signals, processes, terminals, plugins."""
