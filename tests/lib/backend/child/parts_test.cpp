#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "lib/backend/child/line_buffer.hpp"
#include "lib/backend/child/restart_policy.hpp"
#include "lib/backend/child_groups.hpp"
#include "lib/backend/discovered_methods.hpp"
#include "lib/backend/discovery_gate.hpp"

namespace sluice::core::testing {
namespace {

struct Lines {
  explicit Lines(std::size_t most) : line_bytes_max(most) {}
  void feed(std::string_view bytes) {
    buffer.feed(
        bytes, line_bytes_max, [this](std::string_view line) { found.emplace_back(line); },
        [this](std::string_view start) { found.push_back("long:" + std::string(start)); },
        [this](std::string_view piece, bool is_last) {
          rest += piece;
          if (is_last) rest += '|';
        });
  }
  const std::size_t line_bytes_max;
  LineBuffer buffer;
  std::vector<std::string> found;
  std::string rest;  // of those that are too long, each with its end
};

TEST_CASE("lines are found however the bytes are cut") {
  const std::string text = "one\r\n\ntwo\nthirteen bytes\n\nx\nrest";
  for (std::size_t size = 1; size <= text.size(); ++size) {
    Lines lines(10);
    for (std::size_t at = 0; at < text.size(); at += size)
      lines.feed(std::string_view(text).substr(at, size));
    CHECK(lines.found == std::vector<std::string>{"one", "", "two", "long:thirteen b", "", "x"});
    CHECK(lines.buffer.rest() == "rest");
  }
}

TEST_CASE("a line of just the most that is allowed is whole") {
  Lines lines(4);
  lines.feed("1234\n12345\n1234\n");
  CHECK(lines.found == std::vector<std::string>{"1234", "long:1234", "1234"});
}

TEST_CASE("what is not kept of a line is seen once, to its end") {
  const std::string text = "123456\n1234\n12345\n1234567";
  for (std::size_t size = 1; size <= text.size(); ++size) {
    Lines lines(4);
    for (std::size_t at = 0; at < text.size(); at += size)
      lines.feed(std::string_view(text).substr(at, size));
    CHECK(lines.rest == "56|5|567");
  }
}

TEST_CASE("what is dropped of a line without an end is counted") {
  Lines lines(4);
  lines.feed("12345678");
  lines.feed("123");
  CHECK(lines.found.size() == 1);
  CHECK(lines.buffer.skipped() == 3);
  lines.feed("4\nok\n");
  CHECK(lines.found.back() == "ok");
  CHECK(lines.buffer.skipped() == 0);
}

TEST_CASE("a last line without its end is a line where the bytes end") {
  Lines lines(5);
  std::vector<std::string> last;
  const auto take = [&last](std::string_view line) { last.emplace_back(line); };
  lines.feed("one\nlast words");
  lines.buffer.finish(take);
  CHECK(last.empty());  // too long: its beginning was seen
  lines.feed("two\r");
  lines.buffer.finish(take);
  lines.buffer.finish(take);
  CHECK(last == std::vector<std::string>{"two"});
  CHECK(lines.buffer.rest().empty());
}

TEST_CASE("groups of children are noted and forgotten, and more than there is room for harm nothing") {
  static ChildGroupTable table;
  note_child_groups_in(&table);
  const auto count = [](pid_t leader) {
    return std::ranges::count_if(table.groups, [&](const auto& each) { return each.load() == leader; });
  };
  for (const pid_t leader : {7, 8, 7 + static_cast<pid_t>(ChildGroupTable::kGroupsMax)})
    note_child_group(leader);
  CHECK(count(7) == 1);
  CHECK(count(7 + static_cast<pid_t>(ChildGroupTable::kGroupsMax)) == 1);
  forget_child_group(7);
  CHECK(count(7) == 0);
  CHECK(count(8) == 1);
  for (std::size_t i = 0; i < 2 * ChildGroupTable::kGroupsMax; ++i)
    note_child_group(static_cast<pid_t>(100 + i));
  CHECK(count(0) == 0);
  note_child_groups_in(nullptr);
}

TEST_CASE("what a backend names of its methods is held back until it serves") {
  std::vector<std::string> published;
  DiscoveryGate gate([&published](std::string_view document) { published.emplace_back(document); });
  gate.take("first");
  gate.take("second");
  CHECK(published.empty());
  gate.open();
  gate.open();
  CHECK(published == std::vector<std::string>{"second"});
  gate.take("third");
  CHECK(published.size() == 2);
}

TEST_CASE("a process that has answered calls is started again at once") {
  RestartPolicy policy;
  CHECK(policy.ended(std::chrono::seconds(1), true, ~0ull).count() == 0);
  CHECK(policy.ended(std::chrono::seconds(1), true, ~0ull).count() == 0);
  CHECK(policy.ended(std::chrono::seconds(11), false, ~0ull).count() == 0);
}

TEST_CASE("a process that ends again and again waits longer and longer, up to half a minute") {
  RestartPolicy policy;
  std::chrono::milliseconds before{0};
  CHECK(policy.ended(std::chrono::nanoseconds(0), false, ~0ull).count() == 0);
  for (int i = 0; i < 8; ++i) {
    const auto delay = policy.ended(std::chrono::nanoseconds(0), false, ~0ull);
    CHECK(delay > before);
    before = delay;
  }
  for (int i = 0; i < 100; ++i) {
    CHECK(policy.ended(std::chrono::nanoseconds(0), false, ~0ull) <=
          RestartPolicy::kLongestDelay + std::chrono::milliseconds(1));
  }
  CHECK(policy.crash_looping());
  policy.ended(std::chrono::seconds(0), true, 0);
  CHECK_FALSE(policy.crash_looping());
}

TEST_CASE("delays between restarts are spread over all that they may be") {
  RestartPolicy policy;
  for (int i = 0; i < 6; ++i) policy.ended(std::chrono::nanoseconds(0), false, 0);
  CHECK(policy.ended(std::chrono::nanoseconds(0), false, 0).count() == 1);
}

TEST_CASE("methods are read out of an OpenRPC document") {
  const auto methods = read_openrpc(R"({"openrpc":"1.3.2","methods":[
      {"name":"a.b","summary":"does it","params":[{"name":"x","required":true,"schema":{"type":"integer"}},{"name":"y"}],
       "result":{"name":"r","schema":{"type":"string"}}},
      {"name":"rpc.discover"},{"name":"$/x"},{"name":"a*"},{"name":""},{"name":3},{},[],"text",null]})");
  REQUIRE(methods.size() == 1);
  CHECK(methods[0].name == "a.b");
  CHECK(methods[0].options.summary == "does it");
  REQUIRE(methods[0].params.size() == 2);
  CHECK(methods[0].params[0].required);
  CHECK_FALSE(methods[0].params[1].required);
  CHECK(methods[0].params[0].schema == Json{{"type", "integer"}});
  CHECK(methods[0].result_schema == Json{{"type", "string"}});
}

TEST_CASE("text that is not an OpenRPC document has no methods") {
  for (const char* text : {"", "null", "[]", "{}", "{\"methods\":{}}", "{\"methods\":[", "3"}) {
    CHECK(read_openrpc(text).empty());
  }
}

}  // namespace
}  // namespace sluice::core::testing
