#include "lib/rpc/control_methods.hpp"

#include "proto/json_text.hpp"
#include "proto/response_writer.hpp"

namespace sluice::core {
namespace {

constexpr std::string_view kCancel = "rpc.cancel";
constexpr std::string_view kAuthenticate = "rpc.authenticate";
constexpr std::string_view kUnsubscribe = "rpc.unsubscribe";
// Client libraries that can only subscribe by names with an underscore.
constexpr std::string_view kUnsubscribeAlias = "rpc_unsubscribe";
// The Language Server Protocol answers what is cancelled, the Model Context Protocol does not.
constexpr std::string_view kLspCancel = "$/cancelRequest";
constexpr std::string_view kMcpCancel = "notifications/cancelled";

bool is_unsubscribe(std::string_view method) { return method == kUnsubscribe || method == kUnsubscribeAlias; }

// The value of a control message's only param, by name or by position.
std::optional<std::string_view> only_param(std::string_view params, std::string_view name) {
  if (const auto value = proto::member(params, name)) return value;
  proto::JsonWalker walker(params);
  if (params.starts_with('[') && walker.next()) return walker.value();
  return std::nullopt;
}

}  // namespace

bool ControlMethods::is_control(std::string_view method) {
  return method == kCancel || method == kAuthenticate || is_unsubscribe(method) || method == kLspCancel ||
         method == kMcpCancel;
}

std::optional<ControlMethods::Answer> ControlMethods::handle(const proto::Request& request,
                                                             const Grant* grant) {
  if (request.method == kCancel) return cancel_call(request, grant);
  if (request.method == kAuthenticate) return authenticate(request);
  if (is_unsubscribe(request.method)) return unsubscribe(request);
  if (!request.is_notification()) return std::nullopt;
  const bool lsp = request.method == kLspCancel;
  const bool mcp = request.method == kMcpCancel;
  if (!lsp && !mcp) return std::nullopt;
  if (const auto id = proto::member(request.params, lsp ? "id" : "requestId")) cancel(*id, grant, mcp);
  return Answer();
}

ControlMethods::Answer ControlMethods::cancel_call(const proto::Request& request, const Grant* grant) {
  const auto id = only_param(request.params, "id");
  if (!id) return answer(request, proto::invalid_params("/id", "the id of a call"));
  return answer(request, cancel(*id, grant, false));
}

// Compares hashes: pending calls cost nothing for the length of their ids.
bool ControlMethods::cancel(std::string_view id, const Grant* grant, bool silent) {
  return session_.cancel({id, hash_of_id(id), silent, identity_.shared(), grant});
}

ControlMethods::Answer ControlMethods::authenticate(const proto::Request& request) {
  const auto value = only_param(request.params, "token");
  const auto token = value ? proto::as_string(*value) : std::nullopt;
  if (!token) return answer(request, proto::invalid_params("/token", "a string"));
  if (identity_.authenticate(*token, request)) return answer(request, true);
  return answer(request, proto::unauthenticated());
}

// The answer is false for whatever is not a subscription: client libraries unsubscribe once more.
ControlMethods::Answer ControlMethods::unsubscribe(const proto::Request& request) {
  const auto value = only_param(request.params, "subscription");
  const auto id = value ? proto::as_string(*value) : std::nullopt;
  return answer(request, id && session_.unsubscribe(*id));
}

ControlMethods::Answer ControlMethods::answer(const proto::Request& request,
                                              const Result<bool, proto::Error>& outcome) {
  std::string reply;
  if (outcome) {
    proto::begin_result(reply, request.id);
    reply += outcome.value() ? "true" : "false";
    proto::end_result(reply);
  } else {
    proto::append_error(reply, request.id, outcome.error());
  }
  const std::int64_t code = outcome ? 0 : outcome.error().code;
  stats_.count_control(request, code);
  return {request.is_notification() ? std::string() : reply, code};
}

}  // namespace sluice::core
