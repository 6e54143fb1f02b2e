"""What finjax needs of the operating system: files, locks, signals, processes, terminals, plugins."""
