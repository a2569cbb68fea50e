#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include <unistd.h>

namespace {

#ifdef SLUICE_SANITIZED
constexpr unsigned kTestCaseSeconds = 250;
#else
constexpr unsigned kTestCaseSeconds = 60;
#endif

// A test case that hangs ends the program with its name, instead of the whole run without one.
std::array<char, 256> running{};

extern "C" void end_hanging_test(int) {
  constexpr std::string_view kWhat = "\nFATAL: a test case takes too long: ";
  [[maybe_unused]] ssize_t written = ::write(STDERR_FILENO, kWhat.data(), kWhat.size());
  written = ::write(STDERR_FILENO, running.data(), std::strlen(running.data()));
  written = ::write(STDERR_FILENO, "\n", 1);
  std::abort();
}

class TestCaseLimit final : public doctest::IReporter {
 public:
  explicit TestCaseLimit(const doctest::ContextOptions&) {}

  void test_run_start() override { std::signal(SIGALRM, end_hanging_test); }
  void test_case_start(const doctest::TestCaseData& test) override {
    const std::string_view name = test.m_name;
    const std::size_t size = std::min(name.size(), running.size() - 1);
    std::copy_n(name.begin(), size, running.begin());
    running[size] = '\0';
    ::alarm(kTestCaseSeconds);
  }
  void test_case_end(const doctest::CurrentTestCaseStats&) override { ::alarm(0); }

  void report_query(const doctest::QueryData&) override {}
  void test_run_end(const doctest::TestRunStats&) override {}
  void test_case_reenter(const doctest::TestCaseData&) override {}
  void test_case_exception(const doctest::TestCaseException&) override {}
  void subcase_start(const doctest::SubcaseSignature&) override {}
  void subcase_end() override {}
  void log_assert(const doctest::AssertData&) override {}
  void log_message(const doctest::MessageData&) override {}
  void test_case_skipped(const doctest::TestCaseData&) override {}
};

}  // namespace

REGISTER_LISTENER("limit", 1, TestCaseLimit);
