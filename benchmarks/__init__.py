"""What a run costs beyond the user's own functions.

    python -m benchmarks                 every case, about ten minutes
    python -m benchmarks --quick         fewer and shorter rounds, under a minute or so
    python -m benchmarks --only chain    the cases whose name contains a word
    python -m benchmarks --json now.json figures to compare over time
    python -m benchmarks --against old.json   what changed since

Each case compares three kinds of contenders on the same work: the *floor* (plain Python, plain asyncio, plain sqlite3, hand-written
Daft), this library, and peers where they are installed (`pip install 'hypergraph-studio[bench]'`; those missing are named and left out).
They take turns within each round, so that a busy machine slows all of them; a ratio is the median of the rounds' own ratios.
Times are CPU time unless a case says wall. Read the ratios, not the digits.
"""
