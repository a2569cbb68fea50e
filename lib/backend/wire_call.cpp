#include "lib/backend/wire_call.hpp"

#include <algorithm>

#include "proto/json_text.hpp"
#include "proto/one_line.hpp"

namespace sluice::core {
namespace {

void append_deadline_and_trace(std::string& out, const ActiveCall& call, TimePoint now) {
  const auto left = std::chrono::ceil<milliseconds>(call.deadline - now).count();
  out += R"(,"timeout_ms":)";
  out += std::to_string(std::max<std::int64_t>(1, left));
  if (call.request.traceparent.empty()) return;
  out += R"(,"traceparent":")";
  proto::append_one_line_inside(out, call.request.traceparent);
  out += '"';
}

}  // namespace

void append_call(std::string& out, const ActiveCall& call, std::string_view method, std::uint32_t id,
                 Dialect dialect, TimePoint now) {
  out += R"({"jsonrpc":"2.0","method":)";
  proto::append_quoted(out, method);
  if (!call.request.params.empty()) {
    out += R"(,"params":)";
    proto::append_one_line(out, call.request.params);
  }
  if (dialect == Dialect::sluice) append_deadline_and_trace(out, call, now);
  if (!call.request.is_notification()) {
    out += R"(,"id":)";
    out += std::to_string(id);
  }
  out += '}';
}

void append_question(std::string& out, std::string_view method, std::uint32_t id) {
  out += R"({"jsonrpc":"2.0","method":)";
  proto::append_quoted(out, method);
  out += R"(,"id":)";
  out += std::to_string(id);
  out += '}';
}

bool append_cancel(std::string& out, std::uint32_t id, Dialect dialect) {
  if (dialect != Dialect::sluice && dialect != Dialect::lsp) return false;
  out += R"({"jsonrpc":"2.0","method":")";
  out += dialect == Dialect::lsp ? "$/cancelRequest" : "rpc.cancel";
  out += R"(","params":{"id":)";
  out += std::to_string(id);
  out += "}}";
  return true;
}

bool is_hello(std::string_view method) {
  constexpr std::string_view kHello = "rpc.hello";
  if (!method.starts_with('"')) return false;
  if (method.find('\\') != std::string_view::npos) return proto::as_string(method) == kHello;
  return method.substr(1, method.size() - 2) == kHello;
}

Dialect announced_dialect(std::string_view params) {
  const auto name = proto::member(params, "dialect");
  const std::string text = name ? proto::as_string(*name).value_or(std::string()) : std::string();
  if (text == "sluice") return Dialect::sluice;
  return text == "jsonrpc" ? Dialect::jsonrpc : Dialect::automatic;
}

}  // namespace sluice::core
