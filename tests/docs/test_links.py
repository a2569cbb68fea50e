"""Links of the documents lead to files and headings that are there."""

import re
import unittest
import urllib.parse

from documents import ROOT, documents, without_blocks

LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^()\s]+)\)")


def anchors(path):
    """The anchors that GitHub gives the headings of a document."""
    found, seen = set(), {}
    for title in re.findall(r"^#+ +(.+?) *$", without_blocks(path.read_text(encoding="utf-8")), re.MULTILINE):
        title = LINK.sub(lambda link: link[0][1:].partition("]")[0], title)
        anchor = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        count = seen[anchor] = seen.get(anchor, -1) + 1
        found.add(f"{anchor}-{count}" if count else anchor)
    return found


def problem_of(path, link):
    """The error of a relative link of that document; "" for a good one."""
    target, _, anchor = urllib.parse.unquote(link).partition("#")
    file = (path.parent / target).resolve() if target else path
    if not file.exists():
        return "no such file"
    if not file.is_relative_to(ROOT):
        return "outside the repository"
    if anchor and file.suffix == ".md" and anchor not in anchors(file):
        return "no such heading"
    return ""


class Links(unittest.TestCase):
    def test_no_relative_link_is_dead(self):
        for path in documents():
            for link in LINK.findall(without_blocks(path.read_text(encoding="utf-8"))):
                if urllib.parse.urlsplit(link).scheme:
                    continue
                with self.subTest(document=str(path.relative_to(ROOT)), link=link):
                    self.assertEqual(problem_of(path, link), "")

    def test_every_document_of_docs_can_be_reached_from_its_map(self):
        seen, ahead = set(), [ROOT / "README.md"]
        while ahead:
            path = ahead.pop()
            if path in seen:
                continue
            seen.add(path)
            for link in LINK.findall(without_blocks(path.read_text(encoding="utf-8"))):
                file = (path.parent / link.partition("#")[0]).resolve()
                if file.suffix == ".md" and file.exists():
                    ahead.append(file)
        missing = [str(path.relative_to(ROOT)) for path in documents() if path not in seen and path.is_relative_to(ROOT / "docs")]
        self.assertEqual(missing, [])

    def test_the_readme_stays_short(self):
        self.assertLessEqual(len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()), 150)


class Check(unittest.TestCase):
    """The check itself finds dead links."""

    def test_a_missing_file_is_found(self):
        self.assertEqual(problem_of(ROOT / "README.md", "docs/nothing.md"), "no such file")

    def test_a_missing_heading_is_found(self):
        self.assertEqual(problem_of(ROOT / "README.md", "docs/README.md#nothing-here"), "no such heading")

    def test_a_file_outside_the_repository_is_found(self):
        self.assertEqual(problem_of(ROOT / "README.md", ".."), "outside the repository")


if __name__ == "__main__":
    unittest.main()
