"""The way of a request through the cluster: how it is asked for, and who answered."""
