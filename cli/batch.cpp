#include "cli/batch.hpp"

#include <algorithm>
#include <iostream>
#include <iterator>
#include <sstream>

#include "cli/commands.hpp"
#include "cli/exchange.hpp"
#include "cli/json_check.hpp"
#include "cli/json_text.hpp"
#include "cli/output.hpp"
#include "cli/params.hpp"
#include "cli/reply.hpp"
#include "proto/json_text.hpp"
#include "proto/utf8.hpp"

namespace sluice::client {
namespace {

void add_call(BatchRequest& batch, std::string_view message, std::string_view id) {
  batch.text += batch.text.empty() ? '[' : ',';
  batch.text += trim_blank(message);
  batch.ids.emplace_back(id);
}

// The id of a call that has none: its number in the batch.
std::string next_id(const BatchRequest& batch) { return std::to_string(batch.ids.size() + 1); }

// An element of a JSON array of calls.
void add_element(BatchRequest& batch, std::string_view call, const CallSettings& settings) {
  const bool has_newline = call.find_first_of("\r\n") != std::string_view::npos;
  const std::string text = has_newline ? compact_json(call) : std::string(call);
  const std::string_view id = proto::member(text, "id").value_or("");
  if (!proto::member(text, "method")) return add_call(batch, text, "null");  // no call: refused without an id
  if (proto::member(text, "jsonrpc")) return add_call(batch, text, id);
  const std::string own_id = id.empty() ? next_id(batch) : std::string(id);
  // The call's own members come later and so take precedence.
  const std::string new_id = id.empty() ? ",\"id\":" + own_id : std::string();
  add_call(batch, "{\"jsonrpc\":\"2.0\"" + new_id + settings_members(settings) + "," + text.substr(1),
           own_id);
}

Result<BatchRequest> finish(BatchRequest batch) {
  if (batch.ids.empty()) return usage_error("there are no calls to send");
  batch.text += "]\n";
  return batch;
}

// Whether a call begins with what must be params: they were given as a word of their own.
bool is_params(std::string_view method) {
  return method.starts_with('{') || method.starts_with('[') || method.find('=') != std::string_view::npos ||
         is_json(method);
}

Result<void> add_line(BatchRequest& batch, std::string_view line, const CallSettings& settings) {
  const std::string_view method = line.substr(0, line.find_first_of(kBlank));
  if (is_params(method)) {
    return usage_error("call '" + std::string(line) +
                       "': METHOD is missing; quote each call with its params, as 'demo.sum [1, 2]'");
  }
  const std::string rest(trim_blank(line.substr(method.size())));
  std::vector<std::string> words;
  if (rest.starts_with('{') || rest.starts_with('[')) {
    words.push_back(rest);
  } else {
    std::istringstream split(rest);
    words.assign(std::istream_iterator<std::string>(split), {});
  }
  std::istringstream no_input;
  const Result<std::string> params = params_from_words(words, no_input);
  if (!params) return usage_error("call '" + std::string(line) + "': " + params.error().message);
  const std::string id = next_id(batch);
  const std::string message = make_request(method, params.value(), id, settings);
  if (!proto::is_utf8(line)) return usage_error("call " + id + " is not UTF-8");
  add_call(batch, message, id);
  return success();
}

Result<BatchRequest> read_calls(const CommandLine& line) {
  std::vector<std::string> lines = line.operands;
  if (lines.empty() || (lines.size() == 1 && lines.front() == "-")) {
    lines = {std::string(std::istreambuf_iterator<char>(std::cin), {})};
  }
  if (lines.size() == 1 && trim_blank(lines.front()).starts_with('[')) {
    return batch_from_json(lines.front(), line.settings);
  }
  if (lines.size() == 1) {
    std::istringstream split(lines.front());
    lines.clear();
    for (std::string call; std::getline(split, call);) lines.push_back(call);
  }
  return batch_from_lines(lines, line.settings);
}

// Prints the replies; each error gets a line of its own on stderr as well.
ExitCode print_replies(std::string_view replies, std::span<const std::string> ids) {
  auto code = ExitCode::ok;
  for (const std::string_view text : order_replies(replies, ids)) {
    print_json(text);
    const Reply reply = parse_reply(text);
    if (!reply.is_error()) continue;
    print_error("call with id " + std::string(reply.id) + ": " + describe_error(reply.error));
    code = ExitCode::rpc_error;
  }
  return code;
}

}  // namespace

Result<BatchRequest> batch_from_json(std::string_view text, const CallSettings& settings) {
  if (const auto offset = json_error_offset(text)) {
    return usage_error("the calls are not valid JSON: at byte " + std::to_string(*offset));
  }
  BatchRequest batch;
  if (trim_blank(text).starts_with('[')) {
    for (proto::JsonWalker calls(text); calls.next();) add_element(batch, calls.value(), settings);
  }
  return finish(std::move(batch));
}

Result<BatchRequest> batch_from_lines(std::span<const std::string> lines, const CallSettings& settings) {
  BatchRequest batch;
  for (const std::string& line : lines) {
    const std::string_view call = trim_blank(line);
    if (call.empty()) continue;
    if (auto added = add_line(batch, call, settings); !added) return added.error();
  }
  return finish(std::move(batch));
}

std::vector<std::string_view> order_replies(std::string_view replies, std::span<const std::string> ids) {
  std::vector<std::pair<std::ptrdiff_t, std::string_view>> placed;
  for (proto::JsonWalker walker(replies); walker.next();) {
    const auto position = std::find(ids.begin(), ids.end(), parse_reply(walker.value()).id);
    placed.emplace_back(position - ids.begin(), walker.value());
  }
  std::stable_sort(placed.begin(), placed.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string_view> ordered;
  for (const auto& [position, text] : placed) ordered.push_back(text);
  return ordered;
}

Outcome run_batch(const CommandLine& line) {
  const Result<BatchRequest> batch = read_calls(line);
  if (!batch) return batch.error();
  const bool answered = std::any_of(batch.value().ids.begin(), batch.value().ids.end(),
                                    [](const auto& id) { return !id.empty(); });
  if (!answered) return send_unanswered(line, batch.value().text);

  const Result<std::string> reply = exchange(line, batch.value().text, "null", Clock::now() + line.timeout);
  if (!reply) return reply.error();
  if (reply.value().starts_with('[')) return print_replies(reply.value(), batch.value().ids);
  // One object: the batch was refused as a whole.
  print_error(describe_error(parse_reply(reply.value()).error));
  return ExitCode::rpc_error;
}

}  // namespace sluice::client
