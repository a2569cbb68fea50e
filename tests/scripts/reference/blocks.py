"""Generated blocks of a Markdown page: what stands between two markers, which are comments.

    <!-- generated: NAME -->
    ...
    <!-- end of generated -->
"""

import re

BLOCK = re.compile(r"^<!-- generated: (.+?) -->\n(.*?)^<!-- end of generated -->$", re.DOTALL | re.MULTILINE)
BLOCK_TEXT = "<!-- generated: {} -->\n\n{}\n\n<!-- end of generated -->"


def filled(page, texts):
    """The page with each block replaced by its text. ValueError where page and texts have different blocks."""
    named = [match[1] for match in BLOCK.finditer(page)]
    for name in texts:
        if named.count(name) != 1:
            raise ValueError(f"the page has {named.count(name)} blocks '<!-- generated: {name} -->' instead of one")
    for name in named:
        if name not in texts:
            raise ValueError(f"nothing generates '{name}'; there is: {', '.join(texts)}")
    return BLOCK.sub(lambda match: BLOCK_TEXT.format(match[1], texts[match[1]].strip()), page)


def table(columns, rows):
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    return "\n".join(lines + ["| " + " | ".join(cell.replace("|", r"\|") for cell in row) + " |" for row in rows])
