"""The places of the studio, and the sheets that ask before something changes."""
