// The JSON texts of the JSONTestSuite, from the folder that the environment names in SLUICE_JSON_CORPUS:
// y_ must be accepted, n_ refused, and i_ is up to the parser.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "tests/proto/replay.hpp"

namespace sluice::proto::testing {
namespace {

std::string contents(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Whether `text` is one JSON value with nothing but white space around it, however it is cut up.
bool accepted(std::string_view text) {
  constexpr std::string_view kSpaces = " \t\r\n";
  const std::size_t lead = std::min(text.find_first_not_of(kSpaces), text.size());
  text.remove_prefix(lead);
  const Verdict whole = scan_whole(text);
  // A text of 100k brackets is refused at the 129th.
  const std::string_view front = text.substr(0, 4096);
  MessageScanner scanner;
  CHECK(scan_pieces(scanner, front, [](std::size_t) { return std::size_t{1}; }) == scan_whole(front));
  if (whole.status != MessageScanner::Status::complete) return false;
  return text.find_first_not_of(kSpaces, whole.position) == std::string_view::npos;
}

// nlohmann_json's verdict differs where a number overflows a double, where the text begins with a byte order
// mark or has a NUL, and in depth.
bool comparable(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF") || text.find('\0') != std::string_view::npos) return false;
  if (std::count(text.begin(), text.end(), '[') > 128) return false;
  try {
    static_cast<void>(nlohmann::json::parse(text).size());
  } catch (const nlohmann::json::out_of_range&) {
    return false;
  } catch (const nlohmann::json::parse_error&) {
  }
  return true;
}

TEST_CASE("scanner: the files of the JSONTestSuite are accepted and refused as it says") {
  const char* const folder = std::getenv("SLUICE_JSON_CORPUS");
  if (folder == nullptr || !std::filesystem::is_directory(folder)) {
    MESSAGE("skipped: SLUICE_JSON_CORPUS names no folder");
    return;
  }
  std::size_t texts = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".json") continue;
    const std::string name = entry.path().filename();
    CAPTURE(name);
    const std::string text = contents(entry.path());
    const bool ours = accepted(text);
    if (name.starts_with("y_")) CHECK(ours);
    if (name.starts_with("n_")) CHECK_FALSE(ours);
    if (comparable(text)) CHECK(ours == nlohmann::json::accept(text));
    ++texts;
  }
  MESSAGE(texts << " texts");
  CHECK(texts > 300);
}

}  // namespace
}  // namespace sluice::proto::testing
