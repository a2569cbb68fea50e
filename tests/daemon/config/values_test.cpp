#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <string_view>
#include <vector>

#include "daemon/config/values.hpp"
#include "proto/limits.hpp"

namespace sluice::daemon {
namespace {

using namespace std::chrono_literals;
using namespace std::string_view_literals;
using core::milliseconds;
using proto::kKiB;
using proto::kMiB;

ConfigValue text(std::string_view value) { return {value}; }
ConfigValue number(std::int64_t value) { return {value}; }

TEST_CASE("Config values: a size is digits and a unit of bytes") {
  CHECK(parse_size("0B") == 0u);
  CHECK(parse_size("17B") == 17u);
  CHECK(parse_size("64KiB") == 64 * kKiB);
  CHECK(parse_size("4MiB") == 4 * kMiB);
  CHECK(parse_size("2GiB") == 2048 * kMiB);
  CHECK(parse_size("18446744073709551615B") == 18446744073709551615u);
  CHECK(parse_size("17179869183GiB") == 17179869183u * 1024 * kMiB);
}

TEST_CASE("Config values: anything else is not a size") {
  for (const auto wrong :
       {"", "4", "MiB", "4MB", "4mib", "4 MiB", " 4MiB", "4MiB ", "-4MiB", "+4MiB", "4.5MiB", "0x4MiB",
        "4MiBB", "17179869184GiB", "18446744073709551616B", "99999999999999999999999GiB"}) {
    CAPTURE(wrong);
    CHECK_FALSE(parse_size(wrong));
  }
  CHECK_FALSE(parse_size("4MiB\0"sv));
}

TEST_CASE("Config values: a duration is digits and a unit of time") {
  CHECK(parse_duration("0s") == 0ms);
  CHECK(parse_duration("250ms") == 250ms);
  CHECK(parse_duration("30s") == 30s);
  CHECK(parse_duration("10m") == 10min);
  CHECK(parse_duration("2h") == 2h);
  CHECK(parse_duration("5000us") == 5ms);
}

TEST_CASE("Config values: a duration finer than a millisecond is rounded up") {
  CHECK(parse_duration("1us") == 1ms);
  CHECK(parse_duration("1001us") == 2ms);
  CHECK(parse_duration("0us") == 0ms);
}

TEST_CASE("Config values: anything else is not a duration") {
  for (const auto wrong : {"", "30", "s", "30S", "30 s", "1.5s", "-1s", "1m30s", "1d", "30sec", "1ns",
                           "18446744073709551616us", "5124095577h"}) {
    CAPTURE(wrong);
    CHECK_FALSE(parse_duration(wrong));
  }
}

TEST_CASE("Config values: sizes and durations are written in their largest whole unit") {
  CHECK(format_size(0) == "0B");
  CHECK(format_size(1500) == "1500B");
  CHECK(format_size(64 * kKiB) == "64KiB");
  CHECK(format_size(1024 * kMiB) == "1GiB");
  CHECK(format_duration(0ms) == "0ms");
  CHECK(format_duration(1500ms) == "1500ms");
  CHECK(format_duration(90s) == "90s");
  CHECK(format_duration(10min) == "10m");
  CHECK(format_duration(8760h) == "8760h");
}

TEST_CASE("Config values: written values are read back") {
  for (const std::size_t bytes : {0ul, 1ul, 1023ul, 1024ul, 4096ul, 4ul << 20, 3ul << 30}) {
    CHECK(parse_size(format_size(bytes)) == bytes);
  }
  for (const auto duration : std::vector<milliseconds>{0ms, 1ms, 999ms, 1s, 61s, 2min, 25h}) {
    CHECK(parse_duration(format_duration(duration)) == duration);
  }
}

TEST_CASE("Config values: bounds of a range belong to it") {
  const auto count = count_between(1, 100);
  CHECK(count.read(number(1)) == 1u);
  CHECK(count.read(number(100)) == 100u);
  CHECK_FALSE(count.read(number(0)));
  CHECK_FALSE(count.read(number(101)));
  CHECK_FALSE(count.read(number(-1)));
  CHECK_FALSE(count.read(number(INT64_MIN)));

  const auto size = size_between(kKiB, kMiB);
  CHECK(size.read(text("1KiB")) == kKiB);
  CHECK(size.read(text("1MiB")) == kMiB);
  CHECK_FALSE(size.read(text("1023B")));
  CHECK_FALSE(size.read(text("2MiB")));

  const auto duration = duration_between(1ms, 1h);
  CHECK(duration.read(text("1ms")) == 1ms);
  CHECK(duration.read(text("1h")) == 1h);
  CHECK_FALSE(duration.read(text("0s")));
  CHECK_FALSE(duration.read(text("2h")));
}

TEST_CASE("Config values: a bare integer is bytes, but not a duration") {
  CHECK(size_between(1, kMiB).read(number(4096)) == 4096u);
  CHECK_FALSE(size_between(1, kMiB).read(number(-1)));
  CHECK_FALSE(size_between(1, kMiB).read(text("4096")));
  CHECK_FALSE(duration_between(1ms, 1h).read(number(30)));
}

TEST_CASE("Config values: no kind takes a value of another type") {
  const std::vector<ConfigValue> odd = {
      {1.5}, {ConfigValue::Other{"an array"}}, {ConfigValue::Other{"a table"}}};
  for (const ConfigValue& value : odd) {
    CAPTURE(shown(value));
    CHECK_FALSE(count_between(0, 10).read(value));
    CHECK_FALSE(size_between(0, 10).read(value));
    CHECK_FALSE(duration_between(0ms, 10ms).read(value));
    CHECK_FALSE(flag().read(value));
    CHECK_FALSE(file_mode().read(value));
    CHECK_FALSE(listen_address().read(value));
    CHECK_FALSE(admin_address().read(value));
    CHECK_FALSE(one_of<int>({{"a", 1}}).read(value));
  }
  CHECK_FALSE(flag().read(text("true")));
  CHECK_FALSE(flag().read(number(1)));
  CHECK_FALSE(count_between(0, 10).read(text("5")));
  CHECK_FALSE(count_between(0, 10).read({true}));
}

TEST_CASE("Config values: a file's mode is four octal digits in quotes") {
  CHECK(file_mode().read(text("0660")) == 0660u);
  CHECK(file_mode().read(text("0000")) == 0u);
  CHECK(file_mode().read(text("0777")) == 0777u);
  for (const auto wrong : {"", "660", "1660", "0680", "00660", "0o66", "066 ", "-066", "rw-r"}) {
    CAPTURE(wrong);
    CHECK_FALSE(file_mode().read(text(wrong)));
  }
  CHECK_FALSE(file_mode().read(number(0660)));
}

TEST_CASE("Config values: an admin address is TCP, or empty for none") {
  CHECK(admin_address().read(text("")) == "");
  CHECK(admin_address().read(text("tcp://127.0.0.1:7071")) == "tcp://127.0.0.1:7071");
  CHECK_FALSE(admin_address().read(text("unix:///run/admin.sock")));
  CHECK_FALSE(admin_address().read(text("127.0.0.1:7071")));
}

TEST_CASE("Config values: a word stands for its value, and the words are named as allowed") {
  const auto kind = one_of<int>({{"low", 1}, {"high", 2}});
  CHECK(kind.read(text("low")) == 1);
  CHECK(kind.read(text("high")) == 2);
  CHECK_FALSE(kind.read(text("Low")));
  CHECK(kind.allowed == "one of \"low\", \"high\"");
}

TEST_CASE("Config values: a value is shown short and without control characters") {
  CHECK(shown({true}) == "true");
  CHECK(shown(number(-7)) == "-7");
  CHECK(shown({1.5}) == "1.5");
  CHECK(shown({2.0}) == "2.0");
  CHECK(shown(text("4 MB")) == "\"4 MB\"");
  CHECK(shown(text("a\x1b[2Jb\n")) == R"("a\x1b[2Jb\x0a")");
  CHECK(shown({ConfigValue::Other{"an array"}}) == "an array");
  CHECK(shown(text(std::string(10000, 'x'))).size() < 300);
}

}  // namespace
}  // namespace sluice::daemon
