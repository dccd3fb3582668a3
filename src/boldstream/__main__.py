"""``python -m boldstream``: the command line."""

from __future__ import annotations

from boldstream.cli import main

if __name__ == "__main__":
    main()
