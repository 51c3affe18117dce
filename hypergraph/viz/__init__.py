"""Pictures of a graph: a `Scene` is plain data, and each renderer turns it into one kind of picture.

`scene` holds the data, `rail` the lanes that a terminal shows, `graphviz` and `mermaid` the two kinds of drawings. Nothing here
knows a Graph; `hypergraph.graph.drawing` makes the scenes.
"""
