"""A rehearsal of the published form: released names, served on loopback with what is assembled here, and pulled."""
