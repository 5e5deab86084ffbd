"""kill -9 again and again while hundreds of runs are in flight, then count what their steps did.

Every step appends one line to a file outside kfmesh. At the end every run must have SUCCEEDED, every
line must be there, and none twice. What is run and when is killed follows from a seed; how far each step
is at a kill does not, so a seed repeats the storm and not the microsecond.
"""
