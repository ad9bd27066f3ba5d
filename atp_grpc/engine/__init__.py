"""Selection: which arm should serve a query, and what an outcome teaches.

`contract` is the promise, `reference` (numpy) defines what is correct, `native` is the same promise in Rust.
Nothing here reads a clock or a source of chance; time and seed come in through the argument. The only files read are
the package's own word lists and self-test.
"""
