"""Small graphs to learn from and to press Run on; none of them needs the network or anything to be set up.

    hypergraph studio studio.examples.source_audit

* `source_audit`: reads every file of Python's standard library and finds the most complex functions. A batch of thousands, with failures.
* `refine_loop`: rewrites a text until it is easy to read. A loop that a gate ends.
* `review`: a draft waits for a person's verdict, and is revised until it is published. Pauses and answers.
* `orders`: prices orders, row by row or column by column. The same functions under every runner.
"""
