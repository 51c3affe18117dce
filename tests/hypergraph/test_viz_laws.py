"""Laws of the rail: what can be read from the picture is what the graph says, for any graph."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from hypergraph.viz.order import arrange
from hypergraph.viz.rail import RailRow, rail_rows
from tests.hypergraph.scenes import scene


@st.composite
def graphs(draw, most: int = 12):
    count = draw(st.integers(1, most))
    names = [f"n{number}" for number in range(count)]
    pairs = [(one, two) for place, one in enumerate(names) for two in names[place + 1 :]]
    return names, draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []


def read_back(rows: list[RailRow]) -> dict[str, set[str]]:
    """Follow the lines with the eyes alone: from each glyph sideways to the joints, and from there upwards to a glyph."""
    lines = [row.lanes for row in rows]

    def up(row: int, column: int) -> str | None:
        for above in range(row - 1, -1, -1):
            char = lines[above][column] if column < len(lines[above]) else " "
            if char == "●":
                return rows[above].path
            if char not in "│├┤┼":
                return None
        return None

    found = {}
    for place, line in enumerate(lines):
        column = line.index("●")
        sources = set()
        for step in (-1, 1):
            here = column + step
            while 0 <= here < len(line) and line[here] in "─├┤┼┴╰╯│":
                if line[here] in "├┤┼┴╰╯":
                    sources.add(up(place, here))
                # A lane that passes has the line on both of its sides.
                if line[here] == "│" and not (0 <= here + step < len(line) and line[here - 1] == "─" == line[here + 1]):
                    break
                if line[here] in "╰╯" or (line[here] == "├" and step < 0) or (line[here] == "┤" and step > 0):
                    break
                here += step
        above = up(place, column)
        # A glyph below another one without a line from elsewhere follows from it; with a line, only if that is not its brother.
        if above is not None and not (sources and sibling(rows, above, sources)):
            sources.add(above)
        found[rows[place].path] = sources - {None}
    return found


def sibling(rows: list[RailRow], above: str, sources: set[str]) -> bool:
    parents = {row.path: set(row.parents) for row in rows}
    seen, waiting = set(), [above]
    while waiting:
        for parent in parents[waiting.pop()] - seen:
            seen.add(parent)
            waiting.append(parent)
    return bool(seen & sources)


@given(graphs(most=9))
@settings(max_examples=300, deadline=None)
def test_the_picture_can_be_read_back(graph):
    names, edges = graph
    rows = rail_rows(scene(*names, edges=edges))
    if not any("╎" in row.lanes or "+" in row.lanes for row in rows):
        assert read_back(rows) == {row.path: set(row.parents) for row in rows}


@given(graphs())
@settings(max_examples=200, deadline=None)
def test_what_is_drawn_and_what_it_implies_is_the_graph(graph):
    names, edges = graph
    rows = rail_rows(scene(*names, edges=edges))
    reach: dict[str, set[str]] = {}
    for row in rows:
        reach[row.path] = set(row.parents).union(*(reach[parent] for parent in row.parents))
    for one, two in edges:
        assert one in reach[two]
    for row in rows:
        for parent in row.parents:
            assert (parent, row.path) in edges
            assert not any(parent in reach[other] for other in row.parents if other != parent)


@given(st.integers(1, 10).flatmap(lambda n: st.tuples(st.just(n), st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1))))))
@settings(max_examples=200, deadline=None)
def test_without_the_closing_arrows_the_order_is_topological(graph):
    count, pairs = graph
    names = [str(number) for number in range(count)]
    arrows = [(str(one), str(two)) for one, two in pairs]
    arrangement = arrange(names, arrows, names[:1])
    place = {name: index for index, name in enumerate(arrangement.order)}
    assert sorted(arrangement.order) == sorted(names)
    for one, two in arrows:
        assert (one, two) in arrangement.back or place[one] < place[two]
