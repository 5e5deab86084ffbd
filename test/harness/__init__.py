"""kfmesh under test: starting it in either shape, talking to it, and pipelines to run on it."""
