"""Faults that prove the proof: each is seeded on a cluster, must be seen and named, and is mended again."""
