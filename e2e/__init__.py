"""The suite: one module for each section of the page, one test for each claim."""
