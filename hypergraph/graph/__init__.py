"""Graphs: nodes wired by the names of what they take and give."""
