#include "lib/rpc/rpc_session.hpp"

#include <algorithm>
#include <iterator>
#include <new>

#include "lib/call/client_key.hpp"
#include "lib/observe/log.hpp"
#include "lib/rpc/batch.hpp"
#include "proto/json_text.hpp"

namespace sluice::core {
namespace {

// After so many tokens that are nobody's on one connection no other is looked at there. Not so where every
// message shows its own: a proxy's connection may carry anybody's.
constexpr std::size_t kWrongTokensMax = 10;

constexpr std::string_view kWrongToken = "wrong token";
constexpr std::string_view kUnseenToken = "token ignored after too many wrong ones";

// The value of a control message's only param, by name or by position.
std::optional<std::string_view> only_param(std::string_view params, std::string_view name) {
  if (const auto value = proto::member(params, name)) return value;
  proto::JsonWalker walker(params);
  if (params.starts_with('[') && walker.next()) return walker.value();
  return std::nullopt;
}

}  // namespace

RpcSession::RpcSession(CallExecutor& executor, ReplySink& sink)
    : executor_(executor), sink_(sink), caller_(executor.admission_pipeline().access()) {
  client = new_client_key();
}

RpcSession::~RpcSession() { disconnected(); }

void RpcSession::receive(std::string_view text, const proto::Message& message, std::uint64_t exchange,
                         const CallDefaults& defaults) {
  if (message.is_batch()) return receive_batch(text, message, exchange, defaults);
  std::string scratch;
  CallExecutor::NewCall call = executor_.new_call();
  proto::Request& request = call->request;
  if (const auto invalid = proto::read_request(text, message.single, request, scratch)) {
    return refuse(invalid->error, exchange, invalid->id);
  }
  if (!defaults.header_error.empty()) {
    return refuse(proto::invalid_request(defaults.header_error), exchange,
                  request.is_notification() ? proto::kNullId : request.id);
  }
  defaults.apply(request);
  if (looks_ahead_ && must_wait() && !is_control(request.method)) {
    return hold(text, message.single, exchange, defaults);
  }
  receive_call(std::move(call), exchange);
}

[[gnu::always_inline]] inline void RpcSession::receive_call(CallExecutor::NewCall&& call,
                                                            std::uint64_t exchange) {
  const proto::Request& request = call->request;
  if (disconnected_) {
    if (request.is_notification() && !control(request, grant().get())) {
      executor_.start_orphan(std::move(call), executor_.io().now(), grant());
    }
    return;
  }
  const std::shared_ptr<const Grant>& granted = grant();
  if (may_be_control(request.method)) {
    if (auto answer = control(request, granted.get()))
      return sink_.on_reply(exchange, answer->reply, answer->code);
  }
  ++in_flight_;
  bytes_in_flight_ += request.text.size();
  executor_.start(std::move(call), executor_.io().now(), granted, *this, exchange);
}

void RpcSession::receive_batch(std::string_view text, const proto::Message& message, std::uint64_t exchange,
                               const CallDefaults& defaults) {
  const std::size_t entries_max = executor_.io().limits.batch_entries_max;
  if (!defaults.header_error.empty()) return refuse(proto::invalid_request(defaults.header_error), exchange);
  if (message.entry_count == 0) return refuse(proto::invalid_request("a batch must have an entry"), exchange);
  if (message.entry_count > entries_max) return refuse(proto::batch_too_big(entries_max), exchange);
  const bool waits = looks_ahead_ && must_wait();
  batches_.push_back(std::make_unique<Batch>(executor_, *this, text, message.entries, executor_.io().now(),
                                             grant(), exchange, defaults));
  if (disconnected_) return abandon(*batches_.back());
  bytes_in_flight_ += batches_.back()->held_bytes();
  if (waits && !batches_.back()->is_control()) return hold(*batches_.back());
  batches_.back()->advance();
}

void RpcSession::refuse(const proto::Error& error, std::uint64_t exchange, std::string_view id) {
  executor_.count_invalid(error.code);
  if (disconnected_) return;
  std::string reply = proto::error_reply(id, error);
  sink_.on_reply(exchange, reply, error.code);
}

bool RpcSession::take_token(std::string_view token) {
  if (caller_.authenticate(token)) return true;
  refuse_token(kWrongToken, {}, {});
  return false;
}

void RpcSession::refuse_token(std::string_view why, std::string_view method, std::string_view id) {
  executor_.count_refused_token();
  executor_.log().token_refused(why, method, id, peer());
}

void RpcSession::resolve_caller() {
  if (!std::exchange(introduced_, true)) sink_.fill_peer_identity(caller_);
  caller_.resolve(executor_.io().now());
  const void* const known = caller_.grant() ? caller_.grant()->known_client() : nullptr;
  if (known != nullptr) {
    client = known;
  } else if (!is_client_key(client)) {
    client = new_client_key();
  }
  const std::string_view unknown = caller_.unknown_certificate();
  if (unknown.empty() || std::exchange(certificate_told_, true)) return;
  executor_.log().certificate_unknown(unknown, peer());
}

bool RpcSession::is_control(std::string_view method) {
  return method == "rpc.cancel" || method == "rpc.authenticate" || method == "$/cancelRequest" ||
         method == "notifications/cancelled";
}

std::optional<RpcSession::Answer> RpcSession::control(const proto::Request& request, const Grant* granted) {
  if (request.method == "rpc.cancel") return cancel_call(request, granted);
  if (request.method == "rpc.authenticate") return authenticate(request);
  if (!request.is_notification()) return std::nullopt;
  // The Language Server Protocol answers what is cancelled, the Model Context Protocol does not.
  const bool lsp = request.method == "$/cancelRequest";
  const bool mcp = request.method == "notifications/cancelled";
  if (!lsp && !mcp) return std::nullopt;
  if (const auto id = proto::member(request.params, lsp ? "id" : "requestId")) cancel(*id, granted, mcp);
  return Answer();
}

RpcSession::Answer RpcSession::cancel_call(const proto::Request& request, const Grant* granted) {
  const auto id = only_param(request.params, "id");
  if (!id) return answer_control(request, proto::invalid_params("/id", "the id of a call"));
  return answer_control(request, cancel(*id, granted, false));
}

RpcSession::Answer RpcSession::authenticate(const proto::Request& request) {
  const auto value = only_param(request.params, "token");
  const auto token = value ? proto::as_string(*value) : std::nullopt;
  if (!token) return answer_control(request, proto::invalid_params("/token", "a string"));
  const bool looked_at = wrong_tokens_ < kWrongTokensMax;
  if (looked_at && caller_.authenticate(*token)) return answer_control(request, true);
  ++wrong_tokens_;
  refuse_token(looked_at ? kWrongToken : kUnseenToken, request.method, request.id);
  return answer_control(request, proto::unauthenticated());
}

RpcSession::Answer RpcSession::answer_control(const proto::Request& request,
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
  executor_.count_control(request, code);
  return {request.is_notification() ? std::string() : reply, code};
}

// Compares hashes: what is pending costs nothing for the length of its ids.
bool RpcSession::cancel(std::string_view id, const Grant* granted, bool silent) {
  const CancelTarget target{id, hash_of_id(id), silent, shared_, granted};
  ActiveCall* const call = calls.find_if([&](ActiveCall& each) { return is_target(each, target); });
  if (call != nullptr) {
    silent ? executor_.drop(*call) : executor_.abort(*call, proto::cancelled());
    return true;
  }
  if (cancel_held(target)) return true;
  return std::ranges::any_of(batches_, [&](const auto& batch) { return batch->cancel(target); });
}

void RpcSession::on_answer(ActiveCall& call, std::string& reply, std::int64_t code) {
  --in_flight_;
  bytes_in_flight_ -= call.request.text.size();
  if (!disconnected_) sink_.on_reply(call.tag, reply, code);
}

void RpcSession::on_answer_lost() {
  if (!disconnected_) sink_.on_reply_lost();
}

void RpcSession::entry_answered() {
  --in_flight_;
  if (!disconnected_) sink_.on_window_open();
}

void RpcSession::batch_resumed() {
  --postponed_batches_;
  sink_.on_window_open();
}

void RpcSession::batch_finished(Batch& batch, std::string& reply) {
  const auto found = std::ranges::find(batches_, &batch, &std::unique_ptr<Batch>::get);
  const std::unique_ptr<Batch> finished = std::move(*found);
  batches_.erase(found);
  bytes_in_flight_ -= finished->held_bytes();
  if (disconnected_) return;
  try {
    sink_.on_reply(finished->exchange(), reply, 0);
  } catch (const std::bad_alloc&) {
    // Not for the caller, who would ask the batch, which is gone by then.
    sink_.on_reply_lost();
  }
}

void RpcSession::disconnected() {
  if (disconnected_) return;
  disconnected_ = true;
  drop_held(nullptr);
  calls.for_each([this](ActiveCall& call) {
    if (call.request.is_notification()) {
      executor_.orphan(call);
    } else {
      executor_.drop(call);
    }
  });
  while (!batches_.empty()) abandon(*batches_.back());
  // What goes on is not this session's any more.
  in_flight_ = bytes_in_flight_ = postponed_batches_ = 0;
}

// The last of the batches runs its notifications without this session.
void RpcSession::abandon(Batch& last) {
  last.forget_replies();
  last.client_gone(executor_.adopt(batches_, std::prev(batches_.end())));
}

void RpcSession::abort_all(const proto::Error& error) {
  drop_held(&error);
  while (ActiveCall* const call = calls.front()) executor_.abort(*call, error);
  // Each ends with that, or goes on for as many time slices as its reply takes.
  for (auto next = batches_.begin(); next != batches_.end();) {
    Batch& batch = **next++;
    batch.abort_all(error);
  }
}

bool RpcSession::reply_due() {
  const auto request = [](const ActiveCall& call) { return !call.request.is_notification(); };
  const auto held = [](const Held& each) { return each.envelope.id.present(); };
  return calls.find_if(request) != nullptr || std::ranges::any_of(held_, held) ||
         std::ranges::any_of(batches_, [](const auto& batch) { return batch->reply_due(); });
}

}  // namespace sluice::core
