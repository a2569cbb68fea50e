"""The files of the repository, and findings about them."""

import os
import subprocess
from dataclasses import dataclass, field


@dataclass(frozen=True, order=True)
class Finding:
    """One thing to mend: where, what is wrong, what to do."""

    path: str
    line: int
    wrong: str
    mend: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.wrong}; {self.mend}"


@dataclass
class Tree:
    """The text files of a checkout by path; binary files are left out."""

    root: str
    texts: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, root):
        """Tracked files, and new ones that Git does not ignore, as they are in the working tree."""
        listed = subprocess.run(
            ["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            check=True, capture_output=True, text=True,
        ).stdout
        tree = cls(root)
        for path in sorted(set(listed.split("\0")) - {""}):
            full = os.path.join(root, path)
            if os.path.islink(full) or not os.path.isfile(full):
                continue
            with open(full, "rb") as file:
                content = file.read()
            if b"\0" not in content:
                tree.texts[path] = content.decode("utf-8", errors="replace")
        return tree

    def line_of(self, path, beginning, end=""):
        """Number of the first line with this beginning and end; 1 where there is none."""
        for number, line in enumerate(self.texts[path].splitlines(), start=1):
            if line.startswith(beginning) and line.endswith(end):
                return number
        return 1

    def cpp(self, *folders):
        """C++ files below these folders."""
        return {
            path: text for path, text in self.texts.items()
            if path.endswith((".cpp", ".hpp")) and path.startswith(tuple(folder + "/" for folder in folders))
        }
