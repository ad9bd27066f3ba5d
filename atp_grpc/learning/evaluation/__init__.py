"""What another policy would have earned on the requests of a log: off-policy evaluation, pure and in bounded memory.

Whoever reads a log enters by `Evaluator`, with a `Rehearsal` that says what the other policy would have done.
It never reads a store, never asks a model, and gives no number where the log cannot carry one.
"""
