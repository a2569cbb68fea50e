#!/usr/bin/env python3
"""The rule that errors are returned as Result, on small pieces of code."""

import sys
import unittest

sys.dont_write_bytecode = True

from error_returns import error_return_findings
from sources import Tree


class ErrorReturnsTest(unittest.TestCase):
    def findings(self, code, path="lib/io/loop.cpp"):
        return [(each.line, each.wrong) for each in error_return_findings(Tree("", {path: code}))]

    def test_a_result_and_optional_values_pass(self):
        for code in ("Result<void, Problem> check();", "std::optional<std::string> name_of(std::string_view text);",
                     "std::optional<std::string> take(std::string_view& text);", "std::variant<Text, Number> read();",
                     "Result<std::optional<Problem>, Failure> next();", "// std::optional<Problem> check();"):
            self.assertEqual(self.findings(code), [], code)

    def test_a_member_and_a_variable_that_hold_an_error_pass(self):
        self.assertEqual(self.findings("std::optional<HttpRefusal> refusal_;\nstd::optional<Problem> first = x;"), [])

    def test_an_optional_error_that_a_function_returns_fails(self):
        for code in ("std::optional<Problem> check(int x);",
                     "std::optional<proto::Error> Pipeline::admit(Call& call) {",
                     "auto f = [](int x) -> std::optional<StartFailure> {",
                     "std::function<std::optional<Refusal>(int)> f;",
                     "static std::optional<\n    Rejection>\ncheck();", "using Checked = std::optional<TlsProblem>;"):
            findings = self.findings("\n" + code)
            self.assertEqual([line for line, _ in findings], [2], code)

    def test_a_variant_of_a_value_and_an_error_fails(self):
        wrong = "`std::variant<std::vector<int>, Problem>` is returned"
        self.assertEqual(self.findings("std::variant<std::vector<int>, Problem> read();"), [(1, wrong)])
        self.assertEqual(self.findings("using Read = std::variant<std::vector<int>, Problem>;"), [(1, wrong)])
        self.assertEqual(len(self.findings("std::variant<Names, std::string> names_of(int host);")), 1)

    def test_handlers_of_the_public_interface_may_return_an_optional_error(self):
        declared = "std::optional<Error> sum(Call& call);"
        self.assertEqual(self.findings(declared, "lib/include/sluice/method.hpp"), [])
        self.assertEqual(self.findings(declared, "daemon/demo/sum.hpp"), [])
        self.assertEqual(self.findings("f = [](Call& call, int x) -> std::optional<Error> {};"), [])
        self.assertEqual(len(self.findings(declared)), 1)
        self.assertEqual(len(self.findings("std::optional<Problem> check();", "lib/include/sluice/method.hpp")), 1)

    def test_a_text_that_says_what_is_wrong_fails(self):
        for name, code in (("check_path", "std::optional<std::string> check_path(std::string_view path);"),
                           ("read", "std::optional<std::string> read(const std::string& path, std::string& text);")):
            self.assertEqual(self.findings(code), [(1, f"{name}() returns its error as an optional text")])

    def test_another_library_of_results_fails_but_in_the_header_that_names_it(self):
        code = "boost::system::result<int> f();"
        self.assertEqual(self.findings(code), [(1, "`boost::system::result` beside Result")])
        self.assertEqual(self.findings(code, "lib/base/result.hpp"), [])

    def test_tests_and_benchmarks_are_free(self):
        self.assertEqual(self.findings("std::optional<Problem> check();", "tests/lib/io/loop_test.cpp"), [])


if __name__ == "__main__":
    unittest.main()
