"""Hypergraph Studio: launch, watch, inspect, answer and fork runs of graphs, in a terminal or a browser."""
