"""What a run leaves behind: results.json, JUnit, a page to look at, a timeline, and diagnostics when it is needed."""
