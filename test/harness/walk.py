"""Calling everything that there is to call."""


class Walk:
    """A client that notes which of its methods were wanted."""

    def __init__(self, client):
        """Nothing was wanted yet."""
        self.client = client
        self.called = set()

    def __getattr__(self, name):
        """Return a method, and note that it was wanted."""
        self.called.add(name)
        return getattr(self.client, name)
