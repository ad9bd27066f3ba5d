"""What operators see: log lines, metrics and incidents.

Every room may hand something in here; the composition root builds it. Nothing here holds a prompt, a credential or
the text of an exception, and nothing here ever makes a call wait.
"""
