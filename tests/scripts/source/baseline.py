"""Counts per file that may only go down.

A baseline is a file of lines `COUNT PATH`. A file beyond its count fails; so does one below it, until the
baseline is lowered, so that nothing can come back. Files that are not listed have the count 0.
"""


def read(path):
    counts = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.strip() and not line.startswith("#"):
                count, name = line.split(maxsplit=1)
                counts[name.strip()] = int(count)
    return counts


def write(path, counts):
    """Keeps the comment at the beginning of the file."""
    with open(path, encoding="utf-8") as file:
        comment = [line for line in file if line.startswith("#")]
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(comment)
        file.writelines(f"{count} {name}\n" for name, count in sorted(counts.items()) if count)


def differences(allowed, actual):
    """Files whose count is not what the baseline allows, as (path, allowed, actual)."""
    for path in sorted(allowed.keys() | actual.keys()):
        before, now = allowed.get(path, 0), actual.get(path, 0)
        if before != now:
            yield path, before, now


def refused(allowed, actual):
    """Files whose count a new baseline may not have. A listed file never rises. A file that is not listed, as after a
    move or a split, may take over what others have lost."""
    higher = [path for path, before, now in differences(allowed, actual) if 0 < before < now]
    if sum(actual.values()) > sum(allowed.values()):
        higher += [path for path, before, _ in differences(allowed, actual) if before == 0]
    return higher
