"""What is promised of stored runs, held against real processes that are really killed.

    python -m benchmarks.durability                    everything, as before a release: most of an hour on two cores
    python -m benchmarks.durability --quick            the same with small numbers, under two minutes
    python -m benchmarks.durability --only kills       the experiments whose name contains a word
    python -m benchmarks.durability --kills 50 --shape chain --runner async --durability sync
    python -m benchmarks.durability --json proof.json  figures to keep

Each line of the table says what was promised, what was seen, and whether the promise held; the command ends with 1 when one did not.
Nodes leave a mark when they start and when they end, in a file that no store knows of: what ran twice is counted from these marks.
Children are forked from servers that have everything imported, several at once; they sleep where a user's nodes would work, so that
neither the number of cores nor the moment at which a neighbour runs changes what is counted.
"""
