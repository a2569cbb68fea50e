#include "lib/call/active_call.hpp"

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <exception>
#include <new>

#include "lib/base/release_memory.hpp"
#include "lib/base/result.hpp"
#include "lib/include/sluice/call.hpp"
#include "lib/observe/log.hpp"
#include "lib/observe/rare_line.hpp"
#include "proto/response_writer.hpp"

namespace sluice {

std::string_view Call::method() const { return call_.request.method; }
std::string_view Call::id() const { return call_.request.id; }
std::string_view Call::params_text() const { return call_.request.params; }
std::string_view Call::traceparent() const { return call_.request.traceparent; }
std::string_view Call::client() const { return call_.grant ? call_.grant->client_name() : ""; }
bool Call::may_call(std::string_view method) const { return !call_.grant || call_.grant->allows(method); }
std::chrono::steady_clock::time_point Call::deadline() const { return call_.deadline; }
std::chrono::nanoseconds Call::remaining() const {
  const auto left = call_.deadline - core::Clock::now();
  return left.count() > 0 ? left : std::chrono::nanoseconds(0);
}
std::stop_token Call::stop_token() { return call_.cancellation.token(); }
bool Call::cancelled() const { return call_.cancellation.requested(); }

}  // namespace sluice

namespace sluice::core {

void log_handler_exception(const ActiveCall& call, const char* what) {
  static RareLine line(std::chrono::seconds(1));
  line.log(spdlog::level::err, Clock::now(), [&] {
    return fmt::format("{}: the handler threw: {}", printable(call.request.method), printable(what));
  });
}

namespace {

// Larger than any offset if the part begins before the whole. In integers: such pointers have no difference.
std::size_t offset_in(std::string_view part, std::string_view whole) {
  return reinterpret_cast<std::uintptr_t>(part.data()) - reinterpret_cast<std::uintptr_t>(whole.data());
}

bool lies_in(std::string_view part, std::string_view whole) {
  const std::size_t offset = offset_in(part, whole);
  return offset <= whole.size() && part.size() <= whole.size() - offset;
}

// Appends the result behind the reply's head; or returns the handler's error.
Result<void, proto::Error> append_result(ActiveCall& call) {
  Call view(call);
  try {
    const auto error = call.method->spec().handler(view, call.request.params, call.reply);
    if (!error) return success();
    return to_wire(*error);
  } catch (const std::exception& exception) {
    log_handler_exception(call, exception.what());
  } catch (...) {
    log_handler_exception(call, "something that is not a std::exception");
  }
  return proto::internal_error();
}

// As a fraction of max_response: larger replies are checked. The check is cheap for a reply of that size, and
// other replies cost one comparison.
constexpr std::size_t kLargeReplyDivisor = 256;

[[gnu::noinline, gnu::cold]] Result<void, proto::Error> check_large_reply(ActiveCall& call,
                                                                          std::size_t head) {
  const std::size_t most = call.response_bytes_max;
  if (call.reply.size() > head && call.reply.size() - head > most) return proto::response_too_big(most);
  if (call.stage == ActiveCall::Stage::pooled) call.home->await_room(call);
  return success();
}

}  // namespace

void ActiveCall::keep_text() {
  const std::string_view whole = request.text;
  assert(request.id.empty() || lies_in(request.id, whole));
  assert(request.params.empty() || lies_in(request.params, whole));
  const bool trace_lies = request.traceparent.empty() || lies_in(request.traceparent, whole);
  if (!trace_lies || !lies_in(request.method, whole)) return keep_parts();
  text.assign(whole);
  const char* const begin = text.data();
  const auto move = [begin, whole](std::string_view& part) {
    if (!part.empty()) part = {begin + offset_in(part, whole), part.size()};
  };
  move(request.id);
  move(request.params);
  move(request.method);
  move(request.traceparent);
  request.text = {begin, whole.size()};
}

// For a method with escapes, or a trace from the transport's header.
void ActiveCall::keep_parts() {
  const std::string_view whole = request.text;
  const std::string apart = std::string(request.method).append(request.traceparent);
  const std::size_t method_bytes = request.method.size();
  const std::size_t id_at = offset_in(request.id, whole);
  const std::size_t params_at = offset_in(request.params, whole);
  text.reserve(whole.size() + apart.size());  // the appends below do not reallocate
  text.assign(whole).append(apart);
  const std::string_view kept = text;
  if (!request.id.empty()) request.id = kept.substr(id_at, request.id.size());
  if (!request.params.empty()) request.params = kept.substr(params_at, request.params.size());
  request.method = kept.substr(whole.size(), method_bytes);
  request.traceparent = kept.substr(whole.size() + method_bytes);
  request.text = kept.substr(0, whole.size());
}

bool ActiveCall::take_text(std::string& buffer) {
  if (buffer.capacity() / 2 > buffer.size()) return false;
  for (const std::string_view part :
       {request.text, request.id, request.method, request.params, request.traceparent}) {
    if (!part.empty() && !lies_in(part, buffer)) return false;
  }
  text.clear();
  text.swap(buffer);
  return true;
}

void run_handler(ActiveCall& call) {
  call.ran = true;
  try {
    call.reply.clear();
    proto::begin_result(call.reply, call.request.id);
    const std::size_t head = call.reply.size();
    if (const auto done = append_result(call); !done) return compose_error(call, done.error());
    if (call.reply.size() > call.response_bytes_max / kLargeReplyDivisor) {
      const auto checked = check_large_reply(call, head);
      if (!checked) return compose_error(call, checked.error());
    }
    proto::end_result(call.reply);
    call.code = 0;
  } catch (const std::bad_alloc&) {
    compose_internal_error(call);
  }
}

void compose_result(ActiveCall& call, std::string_view result) {
  if (result.size() > call.response_bytes_max) {
    compose_error(call, proto::response_too_big(call.response_bytes_max));
    return;
  }
  call.reply.clear();
  proto::begin_result(call.reply, call.request.id);
  // Including the closing brace, for which a long result would be reallocated.
  call.reply.reserve(call.reply.size() + result.size() + 1);
  call.reply += result;
  proto::end_result(call.reply);
  call.code = 0;
}

// A handler's error has the same size limit as a result.
void compose_error(ActiveCall& call, const proto::Error& error) {
  const bool fits = error.message.size() + error.data.size() <= call.response_bytes_max;
  const proto::Error shown = fits ? error : proto::response_too_big(call.response_bytes_max);
  call.reply.clear();
  proto::append_error(call.reply, call.request.id.empty() ? proto::kNullId : call.request.id, shown);
  call.code = shown.code;
}

void compose_forwarded_error(ActiveCall& call, std::string_view error, std::int64_t code) {
  if (error.size() > call.response_bytes_max) {
    return compose_error(call, proto::response_too_big(call.response_bytes_max));
  }
  call.reply.clear();
  proto::append_error_text(call.reply, call.request.id.empty() ? proto::kNullId : call.request.id, error);
  call.code = code;
}

void compose_internal_error(ActiveCall& call) noexcept {
  call.code = static_cast<std::int64_t>(proto::ErrorCode::internal_error);
  // The reply may have been too large for the available memory. Releasing it leaves enough for a short one.
  release_memory(call.reply);
  try {
    compose_error(call, proto::internal_error());
  } catch (const std::bad_alloc&) {
    call.reply.clear();
  }
}

proto::Error to_wire(const Error& error) {
  proto::Error wire{error.code, error.message, {}};
  if (!error.data.is_null()) wire.data = error.data.dump(-1, ' ', false, Json::error_handler_t::replace);
  return wire;
}

}  // namespace sluice::core
