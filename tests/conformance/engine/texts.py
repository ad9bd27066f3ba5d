"""Texts of many kinds for the feature marks: plain, code, mathematics, lists, options, other scripts, and edges.

Entered by the scenarios and the tests. Each is short on purpose: a failing mark should be countable by eye.
"""

from typing import Final

TEXTS: Final = (
    "",
    " ",
    "?",
    "a",
    "\n\n\n",
    "\t\v\f\r\n ",
    "Hello, how are you today?",
    "SHOUTING WITHOUT END",
    "Write a short story about a lighthouse, then translate it and summarize it in an email.",
    "How many dollars does each child pay if 3 * 4 tickets cost 12% more in total?",
    "Solve the equation \\frac{a}{b} = 3^2 and prove that the integral is 1/2. What is the average probability?",
    "def add(a, b):\n    return a + b\n\nprint(add(1, 2))  # three\n",
    "```sql\nSELECT name FROM people WHERE age > 30;\n```",
    "import numpy as np\nclass Model:\n\tpass\n",
    "#include <stdio.h>\nint main() { return 0; }",
    "<div class='x'>javascript regex</div>",
    "Which is right?\n(A) one\n(B) two\n  C. three\n\td) four\nE) five",
    "(A)\n(B)x\nC.\nD) \n(é) no\n(1) no\nA.B\n z)\r",
    "- one\n* two\n#three\n| four\n> five\n6. six\n77) seven\n  - nested\n-not\n*not\n8 not\n٣. not",
    "1.\n2)\n\n3 .\n#\n",
    "Größe und Überfluß: naïve café, 東京は夜の七時, 😀 👩‍👩‍👧",
    "😀",
    "\u00a0\u2003wide\u00a0spaces\u2003",
    "\x00\x01\x7f control",
    "ÀÉÎÕÜ uppercase beyond ASCII is not counted",
    "How Much WOULD Explain Describe LETTER article poem essay",
    "minutes hours theorem calculate sum of percent",
    "snake_case_name = other[index] <= 3; `tick` #tag",
    "+-*/^=%$\\",
    "{}();=<>[]_`#",
    "line one\nline two\nline three\nline four\nline five",
    "The quick brown fox jumps over the lazy dog. " * 12,
    "supercalifragilisticexpialidocious antidisestablishmentarianism",
    "x=1\r\ny=2\r\n(A) dos line\r\nB.\r\n",
    " code review please",
    "code at the start is no code word",
)
