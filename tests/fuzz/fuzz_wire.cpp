// Calls on their way to a backend, and replies on their way to a client: whatever a client has written, every
// reader of lines sees one message, and that one means what was written.
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "lib/backend/wire_call.hpp"
#include "proto/json_text.hpp"
#include "proto/message_scanner.hpp"
#include "proto/one_line.hpp"
#include "proto/request.hpp"
#include "proto/response_writer.hpp"
#include "tests/fuzz/spell_out.hpp"
#include "tests/proto/fuzz_transcript.hpp"

namespace sluice::fuzz {
namespace {

using Json = nlohmann::json;
using core::Dialect;

// Each byte from 0x80 on stands for one of these texts, so that the fuzzer need not guess requests.
constexpr std::array<std::string_view, 32> kPieces = {R"({"jsonrpc":"2.0","id":1,"method":"m","params":)",
                                                      R"({"jsonrpc":"2.0","method":")",
                                                      R"("params":)",
                                                      R"("id":)",
                                                      R"("traceparent":")",
                                                      R"(,"timeout_ms":5)",
                                                      "[",
                                                      "]",
                                                      "{",
                                                      "}",
                                                      "\"",
                                                      "\\\"",
                                                      "\\\\",
                                                      "\\u2028",
                                                      "\\r",
                                                      "\\u000a",
                                                      ",",
                                                      ":",
                                                      " ",
                                                      "\r",
                                                      "\n",
                                                      "\r\n",
                                                      "\t",
                                                      "\xC2\x85",
                                                      "\xE2\x80\xA8",
                                                      "\xE2\x80\xA9",
                                                      "\xE2\x82\xAC",
                                                      "\xC2\xA0",
                                                      "\xF0\x9F\x98\x80",
                                                      "0123456789abcdef",
                                                      R"({"jsonrpc":"2.0","method":"other","id":1})",
                                                      "1.0"};

// Line ends in some reader: LF (jq, Go), CR or LF (Java, .NET, Python's universal newlines), those and
// U+2028 and U+2029 (Node's readline), and all of Python's str.splitlines().
const std::vector<std::vector<std::string_view>> kReaders = {
    {"\n"},
    {"\r\n", "\r", "\n"},
    {"\r\n", "\r", "\n", "\xE2\x80\xA8", "\xE2\x80\xA9"},
    {"\r\n", "\r", "\n", "\v", "\f", "\x1C", "\x1D", "\x1E", "\xC2\x85", "\xE2\x80\xA8", "\xE2\x80\xA9"}};

std::vector<std::string> lines_of(std::string_view text, const std::vector<std::string_view>& ends) {
  std::vector<std::string> lines(1);
  for (std::size_t at = 0; at < text.size();) {
    std::size_t size = 0;
    for (const std::string_view end : ends) {
      if (size == 0 && text.substr(at).starts_with(end)) size = end.size();
    }
    if (size > 0) {
      lines.emplace_back();
    } else {
      lines.back() += text[at];
    }
    at += size > 0 ? size : 1;
  }
  if (lines.back().empty()) lines.pop_back();
  return lines;
}

// Every reader has one line, which is the whole message.
void check_line(const std::string& message) {
  for (const auto& ends : kReaders) {
    const auto lines = lines_of(message + "\n", ends);
    expect(lines.size() == 1 && lines.front() == message, "each reader sees one line");
  }
}

Json parsed(std::string_view text) {
  Json value = Json::parse(text, nullptr, false);
  expect(!value.is_discarded(), "what was written is JSON");
  return value;
}

void check_call(const proto::Request& request, Dialect dialect) {
  core::ActiveCall call;
  call.request = request;
  call.deadline = core::TimePoint(std::chrono::seconds(2));
  std::string line;
  core::append_call(line, call, request.method, 7, dialect, core::TimePoint(std::chrono::seconds(1)));
  check_line(line);
  const Json sent = parsed(line);
  expect(sent["method"] == Json(std::string(request.method)), "the method is the client's");
  if (!request.params.empty())
    expect(sent["params"] == parsed(request.params), "params mean what they meant");
  expect(sent.contains("params") == !request.params.empty(), "there are params where there were");
  expect(sent.contains("id") == !request.is_notification(), "there is an id where there was");
  expect(dialect == Dialect::sluice || !sent.contains("timeout_ms"), "no member is added");
}

// Params that come back as the result, under the client's own id.
void check_reply(const proto::Request& request) {
  std::string reply;
  proto::begin_result(reply, request.id);
  reply += request.params.empty() ? std::string_view("null") : request.params;
  proto::end_result(reply);
  std::string line;
  proto::append_compact(line, reply);
  for (const char end : {'\r', '\n'}) expect(line.find(end) == std::string::npos, "a reply is one line");
  expect(parsed(line) == parsed(reply), "a reply means what it meant");
  expect(line.find(request.id) != std::string::npos, "an id comes back byte for byte");
  std::string result;
  proto::append_one_line(result, request.params);
  check_line(result);
}

void check(const std::string& text) {
  proto::MessageScanner scanner;
  if (scanner.scan(text) != proto::MessageScanner::Status::complete) return;
  proto::Request request;
  std::string scratch;
  if (proto::read_request(text, scanner.message().single, request, scratch)) return;
  for (const Dialect dialect : {Dialect::jsonrpc, Dialect::sluice, Dialect::lsp})
    check_call(request, dialect);
  if (!request.is_notification()) check_reply(request);
}

}  // namespace
}  // namespace sluice::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 1024) return 0;
  sluice::fuzz::check(
      sluice::fuzz::spell_out({reinterpret_cast<const char*>(data), size}, sluice::fuzz::kPieces));
  return 0;
}
