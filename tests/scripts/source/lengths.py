"""Files that are longer than files should be, with today's lengths in long_files.baseline."""

MOST_LINES = 300
# A baseline's lengths are multiples of this many lines: an edit that leaves a file about as long needs no update.
STEP = 10
BASELINE = "tests/scripts/source/long_files.baseline"
CODE = (".cpp", ".hpp", ".py", ".sh", ".mjs", ".cmake", "CMakeLists.txt")


def long_files(tree):
    """Lengths of files of code beyond MOST_LINES, rounded up to STEP."""
    result = {}
    for path, text in tree.texts.items():
        lines = text.count("\n")
        if path.endswith(CODE) and lines > MOST_LINES:
            result[path] = -(-lines // STEP) * STEP
    return result
