"""The words that simulated prompts are made of.

Only `prompts` enters here. Changing a word changes the simulated world; adding a list does not. Nothing here was
taken from a data set.
"""

from typing import Final

PEOPLE: Final = (
    "Amara",
    "Bjorn",
    "Celia",
    "Dmitri",
    "Esra",
    "Farid",
    "Greta",
    "Hiro",
    "Ines",
    "Jonas",
    "Kaito",
    "Leila",
    "Mateo",
)
PLACES: Final = ("bakery", "print shop", "greenhouse", "bicycle store", "library", "toy workshop", "fish market")
THINGS: Final = ("lamps", "notebooks", "chairs", "seed trays", "kettles", "maps", "bells", "tiles", "ropes")
DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")

CALCULATIONS: Final = (
    "On {day} {n} {thing} arrive in each of 4 boxes.",
    "On {day} {n} percent of the {thing} are sold at 12 dollars a piece.",
    "On {day} {n} {thing} break and half of what remains is moved to a second store.",
    "On {day} the stock grows by {n} and then 3 out of every 7 {thing} are reserved.",
    "On {day} {n} {thing} are sold every 90 minutes for 6 hours.",
)
CALCULATION_QUESTIONS: Final = (
    "How many {thing} are left at the end?",
    "Calculate the total number of {thing} in both stores.",
    "How much money came in, and how many {thing} remain?",
)

LANGUAGES_OF_CODE: Final = ("Python", "JavaScript", "Go", "Rust", "SQL")
CODE_TASKS: Final = (
    "merges overlapping intervals",
    "returns the longest common prefix of a list of strings",
    "parses a duration such as 1h30m into seconds",
    "finds the median of two sorted arrays",
    "schedules jobs with dependencies in a valid order",
    "counts words in a stream without keeping the whole text",
    "converts a nested list into a flat one",
)
CODE_DEMANDS: Final = (
    "It must run in O(n log n) time and explain why.",
    "Handle empty input, duplicates and negative numbers.",
    "Add a docstring, type annotations and three unit tests.",
    "Do not use any import; the function has to be pure.",
    "It must be safe when several threads call it at once.",
)

FUNCTION_NAMES: Final = ("collect", "chunked", "dedupe", "running_total", "pairs", "window")
FAULTY_STEPS: Final = (
    ("for index in range(len(items) + 1):", "    result.append(items[index])"),
    ("while limit >= 0:", "    result = result.append(limit)", "    limit = limit - 1"),
    ("if len(result) = limit:", "    return None"),
    ("cache = {}", "for item in items:", "    cache[item] = cache[item] + 1"),
    ("items.sort(key=lambda item: item[0], reverse=limit)", "result += items[limit:0]"),
    ("for item in items:", "    items.remove(item)", "    result.append(item * limit)"),
)
SYMPTOMS: Final = (
    "raises an IndexError",
    "never returns",
    "returns None",
    "loses the last element",
    "is wrong for empty lists",
)

TOPICS: Final = (
    "a lighthouse keeper",
    "the night train",
    "urban beekeeping",
    "the price of salt",
    "a forgotten orchard",
    "tidal power",
    "old maps",
)
SENTENCES: Final = (
    "For years nobody in the region gave much thought to {topic}, until a few volunteers began to write things down.",
    "Their notebooks show how quickly habits change when people can see the consequences of what they do.",
    "Officials were slow to react, partly because the responsibility lay with three different offices.",
    "A survey among residents found that most of them supported the plan but doubted that it would be carried out.",
    "Critics point out that the money would be better spent on roads, schools and the hospital.",
    "In the meantime visitors keep arriving, drawn by stories about {topic} that grow with every telling.",
    "The first results surprised even the optimists: costs fell, and the work was finished before the winter.",
    "Whether the success can be repeated elsewhere depends on conditions that nobody fully understands.",
    "An engineer who took part remembers the mood of those weeks as a mixture of impatience and pride.",
    "Several towns along the coast have asked for the drawings and intend to copy the approach.",
    "What remains is a quiet change in how people speak about {topic} and about each other.",
    "The archive is open to the public on weekdays and holds letters, photographs and recordings.",
)
SUMMARY_FORMS: Final = (
    "in one sentence",
    "in two sentences for a busy reader",
    "as three short points",
    "in at most 40 words",
)

LANGUAGES: Final = ("French", "German", "Spanish", "Japanese", "Turkish", "Portuguese")
LETTER_SENTENCES: Final = (
    "We were delighted to hear that you arrived safely and that the weather was kind to you.",
    "The parcel you sent reached us on a grey morning and made the whole house cheerful.",
    "If it is not too much trouble, could you let us know when the ferry leaves?",
    "My brother insists that the old key still fits, though none of us dares to try it.",
    "Between you and me, the new neighbours are far less strict than they first appeared.",
    "Please give our warmest regards to everyone at the harbour.",
    "Nothing would please me more than to see you at the long table again in autumn.",
)

JSON_KEYS: Final = ("order", "customer", "item", "quantity", "due")

CLUES: Final = (
    "{a} stands somewhere before {b}.",
    "{a} is not next to {b}.",
    "Exactly one person stands between {a} and {b}.",
    "If {a} is first, then {b} is last.",
    "Either {a} or {b} stands in the middle.",
)
CLUE_QUESTIONS: Final = ("Who can be last?", "Who must be first?", "Who can never stand second?")

FORMS: Final = (
    "a short story",
    "a poem",
    "a farewell letter",
    "a magazine article",
    "an opening scene",
    "a bedtime story",
)
WISHES: Final = (
    "Use the voice of someone who is leaving for good.",
    "Let the ending contradict the first line without a word of explanation.",
    "Keep every paragraph shorter than the one before it.",
    "Describe the weather only through sounds.",
    "Write it so that a child and a historian would both smile.",
)
