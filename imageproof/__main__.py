"""Lets ``python -m imageproof`` do what the ``imageproof`` command does."""

from imageproof.cli.main import main

if __name__ == "__main__":
    main()
