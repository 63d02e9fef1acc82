"""How long the proof takes, against the page typed by hand: both in one run, in turn, as a ratio with its spread."""
