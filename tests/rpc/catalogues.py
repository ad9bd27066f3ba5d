"""Small catalogue files for tests."""

ONE_MODEL = """
[[provider]]
name = "one"

[[model]]
name = "solo"
context_tokens = 8000
max_output_tokens = 1000

[[deployment]]
model = "solo"
provider = "one"

[[deployment.price]]
input_usd_per_million_tokens = 1.0
output_usd_per_million_tokens = 4.0
"""

DRAINING_ONLY = ONE_MODEL.replace("max_output_tokens = 1000", 'max_output_tokens = 1000\nstatus = "draining"')

TWO_MODELS = (
    ONE_MODEL
    + """
[[model]]
name = "duet"
context_tokens = 8000
max_output_tokens = 1000

[[deployment]]
model = "duet"
provider = "one"

[[deployment.price]]
input_usd_per_million_tokens = 2.0
output_usd_per_million_tokens = 8.0
"""
)
