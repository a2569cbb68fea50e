// JSON streams: however the bytes are cut up, the messages are the same; and a text's verdict, its members
// and their meaning are what nlohmann_json has for it.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "proto/json_text.hpp"
#include "proto/message_scanner.hpp"
#include "proto/request.hpp"
#include "tests/proto/fuzz_transcript.hpp"

namespace sluice::fuzz {
namespace {

using nlohmann::json;
using proto::Envelope;
using proto::MessageScanner;
using proto::Span;
using proto::ValueKind;

constexpr std::string_view kSpaces = " \t\r\n";
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// The offset where nlohmann_json stopped, and whether it stopped only because a number does not fit a double.
class Acceptor : public nlohmann::detail::json_sax_acceptor<json> {
 public:
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& error) {
    overflow = error.id == 406;
    stopped_at = position;
    return false;
  }
  bool overflow = false;
  std::size_t stopped_at = 0;
};

struct Verdict {
  bool accepted = false;
  std::size_t offset = 0;  // refused: the first byte that can't be
};

// `text` as one value with nothing but white space around it.
Verdict verdict_on(std::string_view text, MessageScanner& scanner) {
  const std::size_t lead = std::min(text.find_first_not_of(kSpaces), text.size());
  const std::string_view value = text.substr(lead);
  scanner.reset();
  auto status = scanner.scan(value);
  if (status == MessageScanner::Status::incomplete) status = scanner.finish();
  if (status != MessageScanner::Status::complete) return {false, lead + scanner.position()};
  const std::size_t garbage = value.find_first_not_of(kSpaces, scanner.position());
  if (garbage != std::string_view::npos) return {false, lead + garbage};
  return {true, 0};
}

// Whether the byte at `offset` opens one container more than may be open at once.
bool too_deep(std::string_view text, std::size_t offset) {
  if (offset >= text.size() || (text[offset] != '[' && text[offset] != '{')) return false;
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < offset; ++i) {
    if (in_string) {
      if (text[i] == '\\')
        ++i;
      else if (text[i] == '"')
        in_string = false;
    } else if (text[i] == '"') {
      in_string = true;
    } else if (text[i] == '[' || text[i] == '{') {
      ++depth;
    } else if (text[i] == ']' || text[i] == '}') {
      --depth;
    }
  }
  return depth == proto::kDepthMax;
}

// Compares verdicts; true where both accept.
bool check_verdict(std::string_view text, const Verdict& ours) {
  Acceptor acceptor;
  const bool theirs = json::sax_parse(text, &acceptor);
  if (acceptor.overflow) {
    // nlohmann_json did not check the rest. Up to there it found no error.
    expect(ours.accepted || ours.offset >= std::min(acceptor.stopped_at, text.size()) ||
               too_deep(text, ours.offset),
           "what comes before a number that overflows is accepted");
    return false;
  }
  if (theirs == ours.accepted) return ours.accepted;
  expect(theirs, "what nlohmann_json refuses is refused");
  // It skips a byte order mark, takes a NUL for the end, and has no limit of depth.
  const bool order_mark = text.starts_with(kByteOrderMark) && ours.offset == 0;
  const bool nul = ours.offset < text.size() && text[ours.offset] == '\0';
  expect(order_mark || nul || too_deep(text, ours.offset), "what nlohmann_json accepts is accepted");
  return false;
}

ValueKind kind_of(const json& value) {
  if (value.is_object()) return ValueKind::object;
  if (value.is_array()) return ValueKind::array;
  if (value.is_string()) return ValueKind::string;
  if (value.is_number()) return ValueKind::number;
  if (value.is_boolean()) return ValueKind::boolean;
  return ValueKind::null;
}

void check_span(std::string_view text, Span span, const json& value) {
  expect(span.kind == kind_of(value), "a value is of its kind");
  expect(std::size_t{span.begin} + span.size <= text.size(), "a span is in the text");
  const std::string_view raw = span.in(text);
  expect(
      !raw.empty() && kSpaces.find(raw.front()) == kSpaces.npos && kSpaces.find(raw.back()) == kSpaces.npos,
      "a span begins and ends with its value");
  expect(json::parse(raw) == value, "a span is the value's text");
}

void check_member(std::string_view text, Span span, const json& call, const char* name) {
  const auto found = call.find(name);
  expect(span.present() == (found != call.end()), "a member is found where there is one");
  if (span.present()) check_span(text, span, *found);
}

bool may_be_id(const json& id) { return id.is_string() || id.is_number() || id.is_null(); }

// A positive integer as it is written: no fraction, no exponent, of any length.
bool is_positive_integer(std::string_view digits) {
  return digits.front() != '0' &&
         std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// JSON-RPC 2.0's rules, from the parsed value.
bool is_call(std::string_view text, const Envelope& envelope, const json& value) {
  if (!value.is_object()) return false;
  const auto has = [&](const char* name) { return value.contains(name); };
  if (!has("jsonrpc") || value["jsonrpc"] != "2.0" || !has("method") || !value["method"].is_string())
    return false;
  if (has("id") && !may_be_id(value["id"])) return false;
  if (has("params") && !value["params"].is_structured()) return false;
  if (!has("timeout_ms")) return true;
  return value["timeout_ms"].is_number() && is_positive_integer(envelope.timeout_ms.in(text));
}

void check_request(std::string_view text, const Envelope& envelope, const json& value) {
  std::string scratch;
  proto::Request call;
  const auto invalid = proto::read_request(text, envelope, call, scratch);
  const bool named = value.is_object() && value.contains("id") && may_be_id(value["id"]);
  const json id = named ? value["id"] : json();
  expect(!invalid == is_call(text, envelope, value), "a call is what JSON-RPC says");
  if (invalid) {
    expect(json::parse(invalid->id) == id && invalid->error.code == -32600, "a refusal has the id");
    return;
  }
  expect(call.is_notification() == !value.contains("id"), "a notification has no id");
  if (!call.is_notification()) expect(json::parse(call.id) == id, "a call has its id");
  expect(call.method == value["method"].get<std::string>(), "a call has its method");
  expect(call.params.empty() == !value.contains("params"), "a call has its params");
  expect(call.timeout.has_value() == value.contains("timeout_ms"), "a call has its time limit");
  if (call.timeout) expect(call.timeout->count() > 0, "a time limit is positive");
}

void check_envelope(std::string_view text, const Envelope& envelope, const json& value) {
  check_span(text, envelope.whole, value);
  const json call = value.is_object() ? value : json::object();
  check_member(text, envelope.jsonrpc, call, "jsonrpc");
  check_member(text, envelope.id, call, "id");
  check_member(text, envelope.method, call, "method");
  check_member(text, envelope.params, call, "params");
  check_member(text, envelope.timeout_ms, call, "timeout_ms");
  check_member(text, envelope.traceparent, call, "traceparent");
  check_request(text, envelope, value);
}

// Puts `text` together again from what the walker finds in it.
json rebuild(std::string_view text) {
  if (text.starts_with('"')) return json(proto::as_string(text).value());
  const bool object = text.starts_with('{');
  if (!object && !text.starts_with('[')) return json::parse(text);
  json value = object ? json::object() : json::array();
  for (proto::JsonWalker walker(text); walker.next();) {
    if (object)
      value[std::string(walker.key())] = rebuild(walker.value());
    else
      value.push_back(rebuild(walker.value()));
  }
  return value;
}

// Strings with all that must be escaped come back as they were.
void check_quoting(std::string_view text) {
  const std::string quoted = proto::quoted(text);
  MessageScanner scanner;
  expect(verdict_on(quoted, scanner).accepted, "a quoted text is JSON");
  const std::string meaning = json::parse(quoted).get<std::string>();
  expect(proto::as_string(quoted) == meaning, "a quoted text has one meaning");
  const std::string replaced = "\xEF\xBF\xBD";
  if (meaning.find(replaced) == std::string::npos) expect(meaning == text, "a quoted text is the text");
}

void check_against_nlohmann(std::string_view text) {
  MessageScanner scanner;
  if (!check_verdict(text, verdict_on(text, scanner))) return;
  const json value = json::parse(text);
  const auto& message = scanner.message();
  const std::string_view from_value = text.substr(std::min(text.find_first_not_of(kSpaces), text.size()));
  expect(message.kind == kind_of(value), "a message is of its kind");
  expect(rebuild(message.single.whole.in(from_value)) == value, "the walker finds everything");
  if (!message.is_batch()) return check_envelope(from_value, message.single, value);
  check_span(from_value, message.single.whole, value);
  expect(message.entry_count == value.size(), "a batch has its entries");
  expect(message.entries.size() == std::min(value.size(), proto::kBatchEntriesDefault), "entries are kept");
  for (std::size_t i = 0; i < message.entries.size(); ++i)
    check_envelope(from_value, message.entries[i], value[i]);
}

}  // namespace
}  // namespace sluice::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 4096) return 0;
  const auto input = sluice::fuzz::transcript_in(data, size);
  sluice::fuzz::check_pieces(sluice::proto::Framing::stream, input);
  sluice::fuzz::check_against_nlohmann(input.bytes);
  sluice::fuzz::check_quoting(input.bytes);
  return 0;
}
