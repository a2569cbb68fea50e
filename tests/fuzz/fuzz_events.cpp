// What clients write to subscribe: topics, filters, positions. Whatever the text, it is read or refused; what
// is read means the same when it is written again.
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "lib/events/subscribe_request.hpp"
#include "proto/json_text.hpp"
#include "proto/message_scanner.hpp"
#include "tests/proto/fuzz_transcript.hpp"

namespace sluice::fuzz {
namespace {

using core::EventFilter;
using core::EventPosition;
using core::SubscribeRequest;

void check_position(std::string_view text) {
  const auto position = EventPosition::parse(text);
  if (!position) return;
  const std::string written = position.value().to_string();
  expect(written.size() == text.size(), "a position's text has one size");
  expect(EventPosition::parse(written).value() == position.value(),
         "a position that is written is read again");
}

bool is_valid_json(std::string_view text) {
  if (text.empty() || text.front() == ' ' || text.front() == '\n' || text.front() == '\r' ||
      text.front() == '\t')
    return false;
  proto::MessageScanner scanner;
  auto status = scanner.scan(text);
  if (status == proto::MessageScanner::Status::incomplete) status = scanner.finish();
  return status == proto::MessageScanner::Status::complete && scanner.position() == text.size();
}

void check_refusal(const proto::Error& error) {
  expect(error.code == -32602, "what is refused are params");
  const auto data = nlohmann::json::parse(error.data, nullptr, false);
  expect(data.is_object() && data["path"].is_string(), "a refusal says what is invalid");
}

// A filter of scalars of one object matches that object.
void check_filter(std::string_view object) {
  const auto filter = EventFilter::parse(object, "/filter");
  if (!filter) return check_refusal(filter.error());
  (void)filter.value().matches(object);
  std::string data = "{";
  for (proto::JsonWalker walker(object); walker.next();) {
    if (!walker.key().starts_with('/') || walker.key().find_first_of("~/", 1) != std::string_view::npos)
      return;
    data += (data.size() > 1 ? "," : "") + proto::quoted(walker.key().substr(1)) + ":" +
            std::string(walker.value());
  }
  expect(filter.value().matches(data + "}"), "a filter matches what it was made of");
}

void check_request(std::string_view params) {
  const auto request = SubscribeRequest::parse(params);
  if (!request) return check_refusal(request.error());
  const auto& patterns = request.value().patterns;
  expect(!patterns.empty() && patterns.size() <= core::kSubscribedPatternsMax, "it has some topics");
  for (const auto& pattern : patterns) {
    expect(core::TopicPattern::parse(pattern.to_string()).value() == pattern, "a pattern is read again");
    for (const auto& other : patterns)
      expect(&other == &pattern || !other.covers(pattern), "no pattern covers another");
  }
}

}  // namespace
}  // namespace sluice::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice::fuzz;
  if (size > 4096) return 0;
  const std::string text(reinterpret_cast<const char*>(data), size);
  check_position(text);
  if (!is_valid_json(text)) return 0;
  if (text.front() == '{' || text.front() == '[') check_request(text);
  check_filter(text);
  return 0;
}
