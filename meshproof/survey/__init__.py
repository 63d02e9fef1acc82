"""A cluster of somebody else's: what is there, what a run will do to it, and how it is left as it was."""
