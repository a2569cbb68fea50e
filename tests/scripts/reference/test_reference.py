#!/usr/bin/env python3
"""The generator of the reference: what it makes of help texts, metrics and source, and that it finds a stale page."""

import sys
import unittest

sys.dont_write_bytecode = True

import blocks
import command_lines
import configuration
import errors
import inline
import metrics

PAGE = """# Page

Written by hand.

<!-- generated: one -->

old

<!-- end of generated -->

Also by hand.
"""


class Blocks(unittest.TestCase):
    def test_only_the_text_between_the_markers_changes(self):
        filled = blocks.filled(PAGE, {"one": "new"})
        self.assertEqual(filled, PAGE.replace("old", "new"))

    def test_a_page_that_is_as_generated_stays_as_it_is(self):
        self.assertEqual(blocks.filled(PAGE, {"one": "old"}), PAGE)

    def test_an_empty_block_is_filled(self):
        empty = PAGE.replace("\nold\n\n", "")
        self.assertEqual(blocks.filled(empty, {"one": "old"}), PAGE)

    def test_a_text_without_a_block_is_an_error(self):
        with self.assertRaisesRegex(ValueError, "0 blocks.*two"):
            blocks.filled(PAGE, {"one": "new", "two": "new"})

    def test_a_block_without_a_text_is_an_error(self):
        with self.assertRaisesRegex(ValueError, "nothing generates 'one'"):
            blocks.filled(PAGE, {})

    def test_a_block_that_is_there_twice_is_an_error(self):
        with self.assertRaisesRegex(ValueError, "2 blocks"):
            blocks.filled(PAGE + PAGE, {"one": "new"})

    def test_a_bar_in_a_cell_is_escaped(self):
        self.assertIn(r"| a\|b |", blocks.table(("x",), [("a|b",)]))


class Inline(unittest.TestCase):
    def test_names_values_and_addresses_become_code(self):
        for wanted in ("see `[listen.tls]`", "without any `[[listen]]`: no", 'such as `"calc.*"` or `""`',
                       "over `max_message`", "on `tcp://127.0.0.1:0`, or", "`/metrics`, of one /64",
                       "a `{ b = { c = \"d\" } }`",
                       "with `--rate` 1024", "the `demo.*` methods", "a plain sentence, 1 to 16"):
            text = wanted.replace("`", "")
            with self.subTest(text):
                self.assertEqual(inline.markdown(text), wanted)

    def test_what_is_code_already_stays_so(self):
        self.assertEqual(inline.markdown("which `sluice token` prints"), "which `sluice token` prints")

    def test_a_list_of_characters_is_one_piece_of_code(self):
        self.assertEqual(inline.markdown("and !#$%&'*+-.^_`|~"), "and ``!#$%&'*+-.^_`|~``")


class Configuration(unittest.TestCase):
    HELP = """Options:
  --config FILE               configuration file

Keys of the configuration file (TOML):
[server]
  workers                    threads; 0: two per CPU
                               a whole number from 0 to 1024; default 0
  call_timeout               time limit of a call
                               a duration such as "250ms" (us, ms, s, m, h) from 1ms to 8760h; default "30s"
[[client]]
  name                       its name; has to be given
                               1 to 64 characters
  rate                       calls per second; left out: no limit; fixed
                               a number from 0.001 to 1000000
"""

    def test_each_table_has_its_keys_with_value_and_default(self):
        made = configuration.tables(self.HELP)
        self.assertEqual(list(made), ["[server]", "[[client]]"])
        self.assertIn("| `workers` | threads; 0: two per CPU | 0 to 1024 | `0` |", made["[server]"])
        self.assertIn('| `call_timeout` | time limit of a call | time, 1ms to 8760h | `"30s"` |', made["[server]"])

    def test_the_default_of_a_key_comes_from_its_description(self):
        made = configuration.tables(self.HELP)["[[client]]"]
        self.assertIn("| `name` | its name | 1 to 64 characters | must be given |", made)
        self.assertIn("| `rate` | calls per second; fixed | a number from 0.001 to 1000000 | no limit |", made)

    def test_a_line_that_is_not_understood_is_an_error(self):
        with self.assertRaisesRegex(ValueError, r"\[\[client\]\]"):
            configuration.tables(self.HELP + "  a key without its second line\n")

    def test_what_web_pages_may_always_send_is_listed(self):
        made = configuration.always_allowed('kUsual = {"jsonrpc",\n "mcp"};\n'
                                            '"Access-Control-Allow-Headers: a-b, "\n "c";\n')
        self.assertEqual(made["request headers"], "- Request headers of web pages: `a-b`, `c`.")
        self.assertEqual(made["subprotocols"], "- WebSocket subprotocols: `jsonrpc`, `mcp`.")


class Metrics(unittest.TestCase):
    TEXT = """# HELP sluice_calls_total Calls answered.
# TYPE sluice_calls_total counter
sluice_calls_total{method="a",code="ok"} 1
# HELP sluice_call_run_seconds Time that handlers ran.
# TYPE sluice_call_run_seconds histogram
sluice_call_run_seconds_count{method="a"} 1
sluice_call_run_seconds_bucket{method="a",le="0.1"} 1
# HELP sluice_connections Connections now.
# TYPE sluice_connections gauge
sluice_connections{protocol="http"} 0
sluice_connections{protocol="stream"} 1
# HELP process_threads Threads.
# TYPE process_threads gauge
process_threads 4
"""

    def test_a_family_is_listed_with_its_labels_type_and_help(self):
        made = metrics.blocks(self.TEXT)
        self.assertIn("| `sluice_calls_total{method,code}` | counter | calls answered |", made["calls"])
        self.assertIn("| `sluice_call_run_seconds{method}` | histogram | time that handlers ran |", made["calls"])
        self.assertIn("| `sluice_connections{protocol}` | gauge | connections now |", made["connections"])
        self.assertIn("| `process_threads` | gauge | threads |", made["process"])

    def test_values_of_fixed_labels_are_listed_and_no_others(self):
        values = metrics.blocks(self.TEXT)["values of labels"]
        self.assertIn("| `sluice_connections` | `protocol` | `http`, `stream` |", values)
        self.assertNotIn("method", values)


class Errors(unittest.TestCase):
    HEADER = "enum class ErrorCode : std::int64_t {\n  internal_error = -32603,\n  busy = -32009,\n};\n"
    SOURCE = """
    case BusyReason::queue_full:
      return "queue_full";
    case BusyReason::overloaded:
      return "overloaded";
Error busy(int ms) {
  return make(ErrorCode::busy, "Server is busy", to_string(reason),
              field("retry_after_ms", f(ms)));
}
Error internal_error() { return make(ErrorCode::internal_error, "Internal error", "internal"); }
"""
    RESPONSES = "  case ErrorCode::busy:\n  case ErrorCode::draining:\n    return 503;\n  default:\n    return 200;\n"

    def test_each_code_has_its_reasons_members_and_status_in_the_order_of_the_codes(self):
        rows = errors.blocks(self.HEADER, self.SOURCE, self.RESPONSES)["codes"].splitlines()[2:]
        self.assertEqual(rows, ["| -32603 | Internal error | `internal` |  | 200 |",
                                "| -32009 | Server is busy | `queue_full`, `overloaded` | `retry_after_ms` | 503 |"])

    def test_a_code_without_an_error_is_an_error(self):
        with self.assertRaisesRegex(ValueError, "no error has the code gone"):
            errors.blocks(self.HEADER + "  gone = -32015,\n", self.SOURCE, self.RESPONSES)

    def test_an_error_that_is_made_in_another_way_is_an_error(self):
        with self.assertRaisesRegex(ValueError, "not understood"):
            errors.blocks(self.HEADER, self.SOURCE + "Error other() { return make(code, text); }\n", self.RESPONSES)


class CommandLines(unittest.TestCase):
    CLIENT = """Calls servers.
Usage: sluice [OPTIONS] SUBCOMMAND

Options:
  -h,--help                   Print this help message and exit

Subcommands:
  call                        Calls a method
  bench                       Measures

Exit code: 0 result, 1 error, 3 could not connect
or timed out.
"""
    CALL = """Calls a method
Usage: sluice call [OPTIONS] [ADDRESS] METHOD

Options:
  -h,--help                   Print this help message and exit
  --timeout TIME              Longest wait (60s)

Exit code: 0 result, 1 error, 3 could not connect
or timed out.
"""
    BENCH = """Measures
Usage: sluice bench [OPTIONS] [ADDRESS]

Options:
  -h,--help                   Print this help message and exit
  -c,--connections INT:INT in [1 - 60000]
                              Connections (1)
  --rate FLOAT:FLOAT in [0.001 - 1e+08] Excludes: --depth
                              Requests per second

Runs for a while.
Exit code: 0 measured, 2 usage.
"""
    DAEMON = "Serves.\n\nOptions:\n  -h,--help                   Help\n  --demo                      add methods\n"

    def setUp(self):
        self.made = command_lines.blocks(self.DAEMON, self.CLIENT, {"call": self.CALL, "bench": self.BENCH})

    def test_options_have_their_values_limits_and_meaning(self):
        self.assertIn("| `-c`, `--connections INT` | Connections (1) | 1 to 60000 |", self.made["options of bench"])
        self.assertIn("| `--rate FLOAT` | Requests per second | 0.001 to 100000000, not with `--depth` |",
                      self.made["options of bench"])
        self.assertIn("| `--timeout TIME` | `call` | Longest wait (60s) |", self.made["options of commands"])
        self.assertIn("| `--demo` | add methods |", self.made["options of sluiced"])

    def test_commands_have_their_usage(self):
        self.assertIn("| `call [ADDRESS] METHOD` | Calls a method |", self.made["commands"])

    def test_exit_codes_are_a_table(self):
        self.assertIn("| 3 | could not connect or timed out |", self.made["exit codes"])
        self.assertIn("| 0 | measured |", self.made["exit codes of bench"])

    def test_a_command_has_a_text_where_its_help_has_one_of_its_own(self):
        self.assertEqual(self.made["help of bench"], "```text\nRuns for a while.\n```")
        self.assertNotIn("help of call", self.made)


if __name__ == "__main__":
    unittest.main()
