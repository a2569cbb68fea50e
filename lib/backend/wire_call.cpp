#include "lib/backend/wire_call.hpp"

#include "proto/json_text.hpp"

namespace sluice::core {

void append_call(std::string& out, const ActiveCall& call, std::string_view method, std::uint64_t id,
                 TimePoint now) {
  out += R"({"jsonrpc":"2.0","method":)";
  proto::append_quoted(out, method);
  if (!call.request.params.empty()) {
    out += R"(,"params":)";
    if (call.request.params.find('\n') == std::string_view::npos) {
      out += call.request.params;
    } else {
      proto::append_compact(out, call.request.params);
    }
  }
  const auto left = std::chrono::ceil<milliseconds>(call.deadline - now).count();
  out += R"(,"timeout_ms":)";
  out += std::to_string(std::max<std::int64_t>(1, left));
  if (!call.request.traceparent.empty()) {
    out += R"(,"traceparent":")";
    out += call.request.traceparent;  // the inside of a JSON string, as it came
    out += '"';
  }
  if (!call.request.is_notification()) {
    out += R"(,"id":)";
    out += std::to_string(id);
  }
  out += '}';
}

void append_cancel(std::string& out, std::uint64_t id) {
  out += R"({"jsonrpc":"2.0","method":"rpc.cancel","params":{"id":)";
  out += std::to_string(id);
  out += "}}";
}

}  // namespace sluice::core
