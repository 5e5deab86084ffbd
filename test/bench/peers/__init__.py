"""The same chain of Python steps under other engines, each in an environment of its own."""
