// Event streams of an HTTP connection: one subscription each, the response to the request that asked for it.
#include <utility>

#include "lib/transport/codec_host.hpp"
#include "lib/transport/http/events_query.hpp"
#include "lib/transport/http/http_codec.hpp"
#include "lib/transport/http/response.hpp"

namespace sluice::core {
namespace {

using proto::ErrorCode;

// A browser sees the status only.
int status_of_refused_stream(std::int64_t code) {
  switch (static_cast<ErrorCode>(code)) {
    case ErrorCode::parse_error:
    case ErrorCode::invalid_request:
    case ErrorCode::invalid_params:
      return 400;
    case ErrorCode::method_not_found:
      return 404;
    case ErrorCode::too_many_subscriptions:
      return 503;
    default:
      return 0;
  }
}

}  // namespace

// Whether the response to the complete request may be a stream. A batch has one response, which would have to
// come before its events.
bool HttpCodec::may_stream() {
  if (refusal_) return false;
  if (purpose_ == HttpPurpose::events) return true;
  const std::string& body = request_->body();
  const std::size_t begin = body.find_first_not_of(" \t\r\n");
  return purpose_ == HttpPurpose::call && begin != std::string::npos && body[begin] != '[';
}

// It runs once earlier requests are answered, and later ones once it is answered, or its stream has ended: a
// response can't be put off while its events come.
void HttpCodec::hold_for_stream() {
  streaming_ = Streaming::held;
  continue_due_ = false;
  run_held();
}

void HttpCodec::run_held() {
  if (!exchanges_.empty()) return;
  streaming_ = request_ ? Streaming::asked : Streaming::none;
  if (!request_) return;
  close_after_ = !request_->head().keep_alive;
  end_request(false);
}

Codec::Step HttpCodec::wait_for_stream() {
  if (streaming_ == Streaming::held) run_held();
  input_bytes_ = request_ ? request_->body().capacity() : 0;
  return {.at_boundary = !request_, .held = streaming_ != Streaming::none};
}

// A browser's request, as the call that it stands for.
void HttpCodec::take_events() {
  const HttpRequestHead& head = request_->head();
  if (!token_good_) return refuse({401, proto::unauthenticated()});
  auto call = subscribe_call(head.target, head.last_event_id);
  if (!call) return refuse({400, std::move(call).error()});
  request_->body() = std::move(call.value());
  message_.reset();
  message_.receive(host().rpc_session(), host().limits(), request_->body(), open_exchange());
}

// The answer to a request that might have become a stream. False if it is an ordinary response.
bool HttpCodec::answer_with_stream(Exchange& answer, std::string_view reply, std::int64_t code) {
  const bool by_get = purpose_ == HttpPurpose::events;
  const bool gone = by_get && code == static_cast<int>(ErrorCode::gone);
  if (gone || (code == 0 && host().has_subscriptions())) {
    begin_stream(answer, reply, gone);
    return true;
  }
  streaming_ = Streaming::none;
  if (by_get && answer.status == 0) answer.status = status_of_refused_stream(code);
  if (std::exchange(close_after_, false)) host().end_input(CloseReason::finished);
  return false;
}

void HttpCodec::begin_stream(const Exchange& answer, std::string_view reply, bool gone) {
  HttpResponseHead head;
  head.http11 = answer.http11;
  close_after_ = close_after_ || !answer.http11;
  head.keep_alive = !close_after_;
  const std::string extra = headers_for_page(answer);
  head.extra = extra;
  stream_ = EventStream(answer.http11);
  streaming_ = Streaming::begun;
  std::string& out = host().output(reply.size());
  append_event_stream_head(out, head, host().io().now());
  if (purpose_ == HttpPurpose::events) stream_.append_retry(out);
  if (purpose_ != HttpPurpose::events) stream_.append_data(out, reply);
  if (gone) stream_.append_refusal(out, reply);
  held_bytes_ -= sizeof(Exchange) + answer.origin.size();
  ++first_;
  exchanges_.clear();
  if (gone || host().input_ended()) on_events_over();
}

void HttpCodec::on_events_over() {
  if (streaming_ != Streaming::begun) return;
  streaming_ = Streaming::none;
  stream_.append_end(host().output());
  if (std::exchange(close_after_, false) || host().input_ended()) {
    host().end_input(CloseReason::finished);
  } else if (host().draining()) {
    host().end_input(CloseReason::draining);
  }
}

void HttpCodec::send_event(const EventMessage& message) {
  if (streaming_ != Streaming::begun) return;
  stream_.append_event(host().output(message.head.size() + message.tail.size()), message);
}

void HttpCodec::send_event_heartbeat() {
  if (streaming_ == Streaming::begun) stream_.append_heartbeat(host().output());
}

}  // namespace sluice::core
