"""The metrics page, parsed."""

import re

_sample = re.compile(r'^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)(?: \d+)?$')
_label = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)",?')


class Metrics(dict):
    """(name, frozenset of label pairs) -> value."""

    def __init__(self, text):
        super().__init__()
        self.text = text
        self.types = {}
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ", 3)
                self.types[name] = kind
            elif line and not line.startswith("#"):
                found = _sample.match(line)
                assert found, f"not a sample: {line!r}"
                labels = frozenset(_label.findall(found.group(2) or ""))
                assert (found.group(1), labels) not in self, f"twice: {line!r}"
                self[found.group(1), labels] = float(found.group(3))

    def value(self, name, **labels):
        """The sum of all samples of that name with these labels; 0 without a sample."""
        wanted = {(key, str(value)) for key, value in labels.items()}
        return sum(value for (sample, have), value in self.items() if sample == name and wanted <= have)

    def label_values(self, name, label):
        return {dict(have)[label] for (sample, have) in self if sample == name and label in dict(have)}

    def names(self):
        return {name for name, _ in self}
