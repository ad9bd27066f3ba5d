"""The wire in words of the domain: decode a message, call one story, encode its answer; and the error table.

The door enters here with a parsed, valid message and a `Call`. Nothing here knows a server library or a connection.
"""
