"""Arrays in files: settings, the store, and the loader that keeps memory bounded."""
