"""What screens show, as plain frozen data, and the pure functions that make it. No input or output, no terminal."""
