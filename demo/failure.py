"""The one way the demo gives up: a sentence for the person who ran it.

Every module of the demo raises it; `__main__` prints it and exits with 1. It never carries a trace.
"""


class DemoFailure(Exception):
    """The demo cannot go on; the message is one clear sentence."""
