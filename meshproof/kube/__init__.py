"""Typed snapshots of Kubernetes objects, and the ways to read, watch and reach them."""
