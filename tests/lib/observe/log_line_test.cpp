#include "lib/observe/log_line.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <array>
#include <string>
#include <vector>

#include "lib/observe/printable.hpp"

namespace sluice::core {
namespace {

// One of each kind that acts on the display or misleads the eye.
const std::vector<std::string> kActing = {
    "\x7f",              // DEL
    "\xc2\x85",          // NEL
    "\xc2\x9b",          // CSI
    "\xc2\xad",          // soft hyphen
    "\xd8\x9c",          // U+061C
    "\xe2\x80\x8b",      // zero width space
    "\xe2\x80\x8f",      // right-to-left mark
    "\xe2\x80\xa8",      // line separator
    "\xe2\x80\xa9",      // paragraph separator
    "\xe2\x80\xae",      // right-to-left override
    "\xe2\x81\xa6",      // left-to-right isolate
    "\xef\xbb\xbf",      // byte order mark
    "\xf3\xa0\x81\xa1",  // a tag
};

std::string line_of(LogFormat format, const std::string& text, const std::string& value, bool json) {
  const std::array<LogField, 1> fields = {{{"id", value, json}}};
  return log_line({format, false}, spdlog::level::info, {}, text, fields);
}

TEST_CASE("Log lines: characters that act on a terminal are escaped in both formats, in every part") {
  for (const std::string& acting : kActing) {
    CAPTURE(acting);
    for (const LogFormat format : {LogFormat::text, LogFormat::json}) {
      for (const bool json : {false, true}) {
        const std::string value = json ? "\"a" + acting + "b\"" : "a" + acting + "b";
        const std::string line = line_of(format, "m" + acting + "n", value, json);
        CHECK(line.find(acting) == std::string::npos);
        CHECK(line.find('\n') == line.size() - 1);
      }
    }
  }
}

TEST_CASE("Log lines: in JSON the text keeps its meaning") {
  for (const std::string& acting : kActing) {
    CAPTURE(acting);
    for (const bool json : {false, true}) {
      const std::string value = json ? "\"a" + acting + "b\"" : "a" + acting + "b";
      const auto read = nlohmann::json::parse(line_of(LogFormat::json, "m" + acting, value, json));
      CHECK(read["message"] == "m" + acting);
      CHECK(read["id"] == "a" + acting + "b");
    }
  }
}

TEST_CASE("Log lines: raw JSON that comes on several lines is logged on one") {
  const std::string line = line_of(LogFormat::json, "m", "[1,\r\n\t2]", true);
  CHECK(line.find('\n') == line.size() - 1);
  CHECK(nlohmann::json::parse(line)["id"] == nlohmann::json::array({1, 2}));
}

TEST_CASE("Log lines: letters of all scripts stay as they are") {
  const std::string text = "\xc3\xa4 \xd7\xa9 \xe4\xb8\xad \xf0\x9f\x98\x80";
  for (const LogFormat format : {LogFormat::text, LogFormat::json}) {
    CHECK(line_of(format, text, "1", true).find(text) != std::string::npos);
  }
}

TEST_CASE("Log lines: a long message full of escapes fits into a line") {
  std::string text;
  for (int i = 0; i < 2000; ++i) text += "\xf3\xa0\x81\xa1";
  for (const LogFormat format : {LogFormat::text, LogFormat::json}) {
    CHECK(line_of(format, text, "1", true).size() <= kLineBytesMax + 16);
  }
}

}  // namespace
}  // namespace sluice::core
