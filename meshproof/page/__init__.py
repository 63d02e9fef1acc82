"""A Markdown page: its blocks with their places, what each really is, and what can be said of each.

The page is an input. Of the one that the steps prove, the room keeps fingerprints and hashes, and no text.
"""
