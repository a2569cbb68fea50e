#!/usr/bin/env python3
"""source_check.py, run on a small checkout into which each test plants a fault."""

import contextlib
import io
import os
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True

import source_check
import words as words_module

TOOL = "tests/scripts/source"
FILES = {
    f"{TOOL}/layers.toml": '[may_include]\n"proto" = []\n"lib/base" = []\n"lib/io" = ["proto", "lib/base"]\n',
    f"{TOOL}/exceptions.txt": "# why\n",
    f"{TOOL}/words.txt":
        'turn, turns  iteration\n! in turn\n! "turn"\nfor want of  without\nis none  not\n`stage(`  enqueue\n`Table`  Executor\n',
    f"{TOOL}/words.baseline": "# counts\n2 lib/io/loop.cpp\n", f"{TOOL}/long_files.baseline": "# lengths\n",
    **dict.fromkeys(("proto/text.hpp", "lib/base/clock.hpp"), "#pragma once\n"),
    "lib/io/loop.hpp": '#pragma once\n#include "lib/base/clock.hpp"\n',
    "lib/io/loop.cpp":
        '#include "lib/io/loop.hpp"\n\n#include "proto/text.hpp"\n// A turn of the loop.\nvoid end_turn();\n',
    "lib/io/poller.hpp": '#pragma once\n#include "lib/io/loop.hpp"\n',
}


class Checkout(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = folder.name
        self.git("init", "-q", "-b", "main")
        for path, text in FILES.items():
            self.write(path, text)

    def commit(self):
        self.git("add", "-A")
        self.git("-c", "user.name=t", "-c", "user.email=t", "-c", "commit.gpgsign=false", "commit", "-q", "-m", "all")

    def git(self, *arguments):
        subprocess.run(["git", "-C", self.root, *arguments], check=True, capture_output=True)

    def write(self, path, text):
        full = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as file:
            file.write(text)

    def read(self, path):
        with open(os.path.join(self.root, path), encoding="utf-8") as file:
            return file.read()

    def append(self, path, text):
        self.write(path, self.read(path) + text)

    def check(self, *arguments):
        with contextlib.redirect_stdout(io.StringIO()) as output:
            code = source_check.main(["--root", self.root, *arguments])
        return code, output.getvalue()

    def assert_clean(self):
        code, output = self.check()
        self.assertEqual((code, output), (0, "7 passed, 0 failed\n"))

    def assert_found(self, *parts):
        code, output = self.check()
        self.assertEqual(code, 1)
        matching = [line for line in output.splitlines() if all(part in line for part in parts)]
        self.assertEqual(len(matching), 1, output)
        return output


class LayersTest(Checkout):
    def test_a_checkout_without_a_fault_passes(self):
        self.assert_clean()

    def test_an_include_that_runs_up_fails_at_its_line(self):
        self.append("lib/base/clock.hpp", '#include "lib/io/poller.hpp"\n')
        self.assert_found("lib/base/clock.hpp:2: lib/base may not include lib/io (lib/io/poller.hpp)", "[layers]")

    def test_an_include_across_that_no_arrow_allows_fails(self):
        self.append("lib/base/clock.hpp", '#include "proto/text.hpp"\n')
        self.assert_found("lib/base/clock.hpp:2: lib/base may not include proto")

    def test_an_include_by_a_path_relative_to_the_file_is_seen(self):
        self.append("lib/base/clock.hpp", '  #  include "../io/poller.hpp"\n')
        self.assert_found("lib/base/clock.hpp:2: lib/base may not include lib/io (lib/io/poller.hpp)")

    def test_a_listed_exception_passes_and_fails_once_it_is_not_needed(self):
        self.append("lib/base/clock.hpp", '#include "proto/text.hpp"\n')
        self.append(f"{TOOL}/exceptions.txt", "include lib/base/clock.hpp -> proto/text.hpp: a reason\n")
        self.assert_clean()
        self.write("lib/base/clock.hpp", FILES["lib/base/clock.hpp"])
        self.assert_found(f"{TOOL}/exceptions.txt:2: the exception", "no longer needed")
        self.check("--update")
        self.assert_clean()
        self.assertEqual(self.read(f"{TOOL}/exceptions.txt"), "# why\n")

    def test_an_exception_needs_a_reason(self):
        self.append("lib/base/clock.hpp", '#include "proto/text.hpp"\n')
        self.append(f"{TOOL}/exceptions.txt", "include lib/base/clock.hpp -> proto/text.hpp\n")
        self.assert_found(f"{TOOL}/exceptions.txt:2: an exception without a reason")

    def test_a_line_that_is_not_an_exception_fails(self):
        self.append(f"{TOOL}/exceptions.txt", "inclde a -> b: a reason\n")
        self.assert_found(f"{TOOL}/exceptions.txt:2: not an exception")

    def test_update_adds_no_exception(self):
        self.append("lib/base/clock.hpp", '#include "proto/text.hpp"\n')
        code, _ = self.check("--update")
        self.assertEqual(code, 1)
        self.assertEqual(self.read(f"{TOOL}/exceptions.txt"), "# why\n")

    def test_a_folder_without_a_layer_fails(self):
        self.write("lib/new/thing.hpp", "#pragma once\n")
        self.assert_found("lib/new/thing.hpp:1: the folder lib/new has no layer")

    def test_a_layer_without_a_folder_fails(self):
        self.append(f"{TOOL}/layers.toml", '"lib/gone" = []\n')
        self.assert_found(f"{TOOL}/layers.toml:5: there is no folder lib/gone")

    def test_an_arrow_that_runs_up_in_the_list_itself_fails(self):
        self.write(f"{TOOL}/layers.toml",
                   FILES[f"{TOOL}/layers.toml"].replace('"lib/base" = []', '"lib/base" = ["lib/io"]'))
        self.assert_found(f"{TOOL}/layers.toml:3: lib/base -> lib/io runs up")


class CyclesTest(Checkout):
    def plant(self):
        # Headers alone have no cycle: it runs through a source.
        self.append("lib/io/loop.cpp", '#include "lib/io/poller.hpp"\n')

    def test_a_cycle_through_a_source_fails(self):
        self.plant()
        self.assert_found("lib/io/loop.cpp:6: lib/io/poller.hpp closes a cycle", "lib/io/loop lib/io/poller",
                          "[cycles]")

    def test_a_cycle_through_a_further_source_of_a_class_fails(self):
        self.write("lib/io/loop_events.cpp", '#include "lib/io/loop.hpp"\n#include "lib/io/poller.hpp"\n')
        self.assert_found("lib/io/loop_events.cpp:2:", "closes a cycle")

    def test_a_source_belongs_to_the_public_header_of_its_name(self):
        self.write(f"{TOOL}/layers.toml", '[may_include]\n"lib/include/sluice" = []\n'
                   + FILES[f"{TOOL}/layers.toml"].replace("[may_include]\n", "")
                   .replace('["proto", ', '["proto", "lib/include/sluice", '))
        self.write("lib/include/sluice/params.hpp", "#pragma once\n")
        self.write("lib/io/params.cpp", '#include <sluice/params.hpp>\n#include "lib/io/poller.hpp"\n')
        self.append("lib/io/poller.hpp", "#include <sluice/params.hpp>\n")
        self.assert_found("lib/io/params.cpp:2:", "lib/include/sluice/params lib/io/poller")

    def test_a_listed_cycle_passes_and_fails_once_it_is_gone(self):
        self.plant()
        self.append(f"{TOOL}/exceptions.txt", "cycle lib/io/poller lib/io/loop: a reason\n")
        self.assert_clean()
        self.write("lib/io/loop.cpp", FILES["lib/io/loop.cpp"])
        self.assert_found(f"{TOOL}/exceptions.txt:2: the cycle of", "is gone")
        self.check("--update")
        self.assert_clean()

    def test_a_listed_cycle_may_not_grow(self):
        self.plant()
        self.append(f"{TOOL}/exceptions.txt", "cycle lib/io/loop lib/io/poller: a reason\n")
        self.write("lib/io/third.hpp", '#pragma once\n#include "lib/io/loop.hpp"\n')
        self.append("lib/io/poller.hpp", '#include "lib/io/third.hpp"\n')
        self.assert_found("closes a cycle", "lib/io/loop lib/io/poller lib/io/third")

    def test_a_listed_cycle_that_lost_a_member_is_lowered_by_update(self):
        self.plant()
        self.append(f"{TOOL}/exceptions.txt", "cycle lib/io/loop lib/io/poller lib/io/third: a reason\n")
        self.assert_found("this cycle has shrunk to lib/io/loop lib/io/poller")
        self.check("--update")
        self.assert_clean()
        self.assertEqual(self.read(f"{TOOL}/exceptions.txt"), "# why\ncycle lib/io/loop lib/io/poller: a reason\n")


class WordsTest(Checkout):
    def test_a_new_word_fails_where_it_was_added(self):
        self.commit()
        self.append("lib/io/loop.cpp", "struct TurnEnd {};\n")
        output = self.assert_found("lib/io/loop.cpp:6: `turn` (3 banned words, 2 allowed); say: iteration", "[words]")
        self.assertLess(output.index("loop.cpp:6"), output.index("loop.cpp:4"), "the new one first")

    def test_a_word_in_a_file_without_a_baseline_fails(self):
        self.write("docs/guide.md", "It stops for want of room.\n")
        self.assert_found("docs/guide.md:1: `for want of` (1 banned words, 0 allowed); say: without")

    def test_fewer_words_fail_until_the_baseline_is_lowered(self):
        self.write("lib/io/loop.cpp", FILES["lib/io/loop.cpp"].replace("A turn", "An iteration"))
        self.assert_found(f"{TOOL}/words.baseline:2: lib/io/loop.cpp has 1 banned words, 2 are allowed",
                          "lower the baseline (--update)")
        self.check("--update")
        self.assert_clean()
        self.assertEqual(self.read(f"{TOOL}/words.baseline"), "# counts\n1 lib/io/loop.cpp\n")

    def test_update_follows_a_moved_file(self):
        os.rename(os.path.join(self.root, "lib/io/loop.cpp"), os.path.join(self.root, "lib/io/poller.cpp"))
        code, _ = self.check("--update")
        self.assertEqual(code, 0)
        self.assertEqual(self.read(f"{TOOL}/words.baseline"), "# counts\n2 lib/io/poller.cpp\n")

    def test_update_raises_no_count(self):
        self.append("lib/io/loop.cpp", "struct TurnEnd {};\n")
        self.assert_update_refused("lib/io/loop.cpp")

    def test_update_raises_no_count_that_another_file_has_lost(self):
        self.append(f"{TOOL}/words.baseline", "3 lib/io/poller.hpp\n")
        self.append("lib/io/loop.cpp", "struct TurnEnd {};\n")
        self.assert_update_refused("lib/io/loop.cpp")

    def test_update_gives_a_new_file_no_more_than_others_have_lost(self):
        self.write("docs/guide.md", "for want of room\n")
        self.assert_update_refused("docs/guide.md")

    def assert_update_refused(self, path):
        before = self.read(f"{TOOL}/words.baseline")
        code, output = self.check("--update")
        self.assertEqual(code, 1)
        self.assertIn(f"{TOOL}/words.baseline:1: the counts of {path} would rise", output)
        self.assertEqual(self.read(f"{TOOL}/words.baseline"), before)

    def test_rewrite_does(self):
        self.append(f"{TOOL}/words.txt", "loop  event loop\n")
        self.check("--rewrite")
        self.assert_clean()

    def test_all_words_of_a_file_can_be_named(self):
        code, output = self.check("--words", os.path.join(self.root, "lib/io/loop.cpp"))
        self.assertEqual(code, 0)
        self.assertEqual(output.count("say: iteration"), 2)


class WordsOfATextTest(unittest.TestCase):
    words = words_module.Words(FILES[f"{TOOL}/words.txt"])

    def found(self, text):
        return list(self.words.found(text))

    def test_phrases_are_found_in_prose_and_within_names(self):
        for text in ("Turn", "end_turn()", "kTurnEnd", "turn_", "AT_TURN_END", "late-turn"):
            self.assertEqual(self.found(text), [(1, "turn")], text)

    def test_phrases_are_not_found_within_other_words(self):
        self.assertEqual(self.found("return returns saturn turned"), [])

    def test_allowed_phrases_are_skipped(self):
        self.assertEqual(self.found('each in turn, then a turn; key="turn"'), [(1, "turn")])

    def test_the_value_none_of_python_is_not_the_word(self):
        self.assertEqual(self.found("if it is None:\nassertIsNone(it)\nthere is none"), [(3, "is none")])

    def test_names_are_found_only_as_they_are_written(self):
        self.assertEqual(self.found("queue.stage(call);\nupstage(call); a stage (of the build)"), [(1, "stage(")])
        self.assertEqual(self.found("Table table;\nCallTable t; TableRow r; the table"), [(1, "Table")])

    def test_each_line_has_its_number(self):
        self.assertEqual(self.found("a\nturn turns\nfor want of it"), [(2, "turn"), (2, "turns"), (3, "for want of")])


class LengthsTest(Checkout):
    def write_lines(self, count):
        self.write("lib/io/poller.cpp", "// line\n" * count)

    def test_a_long_file_fails(self):
        self.write_lines(300)
        self.assert_clean()
        self.write_lines(301)
        self.assert_found("lib/io/poller.cpp:301: 301 lines, 300 are allowed", "[lengths]")

    def test_a_listed_file_may_not_grow_and_its_baseline_follows_it_down(self):
        self.append(f"{TOOL}/long_files.baseline", "350 lib/io/poller.cpp\n")
        self.write_lines(350)
        self.assert_clean()
        self.write_lines(351)
        self.assert_found("lib/io/poller.cpp:351: 351 lines, 350 are allowed")
        self.write_lines(340)
        self.assert_found(f"{TOOL}/long_files.baseline:2: lib/io/poller.cpp needs 340 lines, 350 are allowed")
        self.check("--update")
        self.assert_clean()
        self.write_lines(10)
        self.check("--update")
        self.assertEqual(self.read(f"{TOOL}/long_files.baseline"), "# lengths\n")


class PathsTest(Checkout):
    def test_paths_to_what_exists_and_patterns_pass(self):
        self.write("docs/a.md", "`lib/io/` `lib/io/loop.hpp` `lib` `lib/gone/*.hpp` `build/gone` lib/gone\n")
        self.assert_clean()

    def test_a_path_to_a_file_that_is_gone_fails(self):
        self.write("docs/a.md", "text\nsee `lib/io/gone.hpp`\n")
        self.assert_found("docs/a.md:2: there is no lib/io/gone.hpp; correct the path", "[paths]")


if __name__ == "__main__":
    unittest.main()
