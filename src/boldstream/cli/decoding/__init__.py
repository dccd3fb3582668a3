"""``boldstream searchlight`` and ``boldstream decode``."""
