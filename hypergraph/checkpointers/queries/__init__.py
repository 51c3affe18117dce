"""Every operation on a store, once: generators that yield `(sql, values)` and are sent rows. The faces drive them."""
