#include "lib/transport/http/http_codec.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "lib/transport/codec_host.hpp"
#include "lib/transport/foreign_peers.hpp"
#include "lib/transport/http/response.hpp"

namespace sluice::core {
namespace {

using Status = HttpRequestParser::Status;

// Capacity for unanswered requests that an idle connection keeps.
constexpr std::size_t kExchangesKept = 256;

// Parts of a request that are parsed in one step, before others may be served: 0.2 us each.
constexpr std::size_t kPartsPerStep = 256;

// A positive integer; nothing for anything else. Values above the longest time limit have no effect.
std::optional<std::chrono::milliseconds> timeout_of(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) value = UINT64_MAX;
  if (error == std::errc::invalid_argument || end != text.data() + text.size() || value == 0)
    return std::nullopt;
  constexpr auto kMost = static_cast<std::uint64_t>(kLongestWait.count());
  return std::chrono::milliseconds(std::min(value, kMost));
}

// Characters of a W3C trace context; other texts are not passed on.
std::string_view checked_traceparent(std::string_view text) {
  const bool valid = text.size() <= 256 && std::ranges::all_of(text, [](char c) {
                       return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == '-';
                     });
  return valid ? text : std::string_view();
}

// Makes room for the next read of a long body, in recycled memory.
void make_room(std::string& body, BufferPool& buffers) {
  if (body.size() > BufferPool::kBufferBytesMax / 2) buffers.grow(body, body.size() + ReadBatch::kBytes);
}

}  // namespace

// A proxy's connection may carry requests of several clients.
HttpCodec::HttpCodec(CodecHost& host) : Codec(host) { host.rpc_session().identity().set_shared(true); }

Codec::Step HttpCodec::next(std::string_view window) {
  if (streaming_ != Streaming::none) [[unlikely]]
    return wait_for_stream();
  std::size_t lead = 0;
  if (!request_) {
    // Some clients send an additional line end.
    lead = std::min(window.find_first_not_of("\r\n"), window.size());
    if (lead == window.size()) return {lead, true, true};
    begin_request();
  }
  const auto progress = request_->parse(window.substr(lead), kPartsPerStep);
  Step step{lead + progress.consumed, progress.status == Status::need_more && !progress.stopped};
  if (request_->header_done() && !head_checked_) check_head();
  if (progress.status == Status::complete) {
    if ((request_->head().accepts_events || purpose_ == HttpPurpose::events) && may_stream()) [[unlikely]] {
      hold_for_stream();
      step.held = streaming_ != Streaming::none;
    } else {
      end_request(step.consumed == window.size());
    }
  } else if (progress.status != Status::need_more) {
    end_with(progress.status);
  } else if (head_checked_) {
    invite_body();
    if (request_ && !refusal_) {
      make_room(request_->body(), host().io().buffers());
      message_.look_at(request_->body(), host().limits());
    }
  }
  step.at_boundary = !request_;
  input_bytes_ = request_ ? request_->body().capacity() : 0;
  return step;
}

void HttpCodec::begin_request() {
  std::string body;
  host().io().buffers().take(body);
  request_.emplace(host().message_bytes_max(), std::move(body));
  message_.reset();
  refusal_.reset();
  head_checked_ = continue_due_ = false;
}

// Runs when the head is complete: then an unwanted body need not be sent, nor kept.
void HttpCodec::check_head() {
  head_checked_ = true;
  auto checked = check_request(request_->head(), host().policy(), host().from_outside());
  if (!checked) refusal_ = std::move(checked).error();
  purpose_ = purpose_of(request_->head(), host().policy());
  continue_due_ = request_->head().expects_continue;
  // Before its body arrives: the sender's rights bound its size.
  token_good_ = refusal_ || take_token();
  if (refusal_) request_->discard_body();
}

void HttpCodec::invite_body() {
  if (!continue_due_) return;
  if (!refusal_ && !exchanges_.empty()) return;  // after the earlier responses
  continue_due_ = false;
  if (refusal_) {
    // The body may be sent or not, so the next request can't be found.
    host().end_input(CloseReason::finished);
    refuse(*refusal_);
    request_.reset();
    return;
  }
  host().output() += "HTTP/1.1 100 Continue\r\n\r\n";
}

void HttpCodec::end_request(bool last) {
  continue_due_ = false;
  if (!request_->head().keep_alive && !close_after_) {
    host().end_input(CloseReason::finished);
  } else if (last && host().draining()) {
    // Requests that came with it must be refused too.
    host().end_input(CloseReason::draining);
  }
  if (refusal_) {
    refuse(*refusal_);
  } else {
    switch (purpose_) {
      case HttpPurpose::call:
        take_call();
        break;
      case HttpPurpose::preflight:
        answer_preflight();
        break;
      case HttpPurpose::health:
        answer_health();
        break;
      case HttpPurpose::events:
        take_events();
        break;
      case HttpPurpose::websocket:
        upgrade();
    }
  }
  host().io().buffers().give(request_->body());
  request_.reset();
}

void HttpCodec::take_call() {
  const HttpRequestHead& head = request_->head();
  RpcSession& rpc_session = host().rpc_session();
  const std::uint64_t exchange = open_exchange();
  if (!token_good_) return rpc_session.refuse(proto::unauthenticated(), exchange);
  CallDefaults defaults;
  defaults.traceparent = checked_traceparent(head.traceparent);
  if (head.has_timeout_ms) {
    defaults.timeout = timeout_of(head.timeout_ms);
    if (!defaults.timeout) defaults.header_error = "Sluice-Timeout-Ms must be a positive integer";
  }
  message_.receive(rpc_session, host().limits(), request_->body(), exchange, defaults);
}

// Each request has its own credentials. False for a token that belongs to no client.
bool HttpCodec::take_token() {
  CallerIdentity& identity = host().rpc_session().identity();
  // Other schemes are ignored here. They are not a reason to refuse callers that need no token.
  const auto token = bearer_token(request_->head().authorization);
  if (token) return identity.take_token(*token);
  identity.forget_token();
  return true;
}

// Its response is sent in the order of requests, like any other. The connection goes on if the request's end
// is known.
void HttpCodec::refuse(const HttpRefusal& refusal) {
  const std::uint64_t exchange = open_exchange();
  exchanges_.back().status = refusal.status;
  exchanges_.back().headers = refusal.headers;
  host().rpc_session().refuse(refusal.error, exchange);
}

void HttpCodec::end_with(Status status) {
  continue_due_ = false;
  host().end_input(status == Status::body_too_large ? CloseReason::message_too_big
                                                    : CloseReason::framing_lost);
  switch (status) {
    case Status::header_too_large:
      refuse({431, proto::invalid_request("the request line and headers, or a chunk's line, are too long")});
      break;
    case Status::body_too_large:
      refuse(too_big());
      break;
    case Status::unsupported:
      refuse({501, proto::invalid_request("Transfer-Encoding can only be chunked")});
      break;
    default:
      tell_foreign(host(), Foreign::http, "a request is not valid HTTP, or could be read in two ways");
      refuse({400, proto::invalid_request("the request is not valid HTTP, or could be read in two ways")});
  }
  request_.reset();
}

HttpRefusal HttpCodec::too_big() const {
  const proto::Error error = host().message_too_big();
  return {error.code == static_cast<int>(proto::ErrorCode::busy) ? 503 : 413, error};
}

void HttpCodec::refuse_unproven(const proto::Error& error) {
  continue_due_ = false;
  if (!request_) return;
  refuse({401, error});
  request_.reset();
  input_bytes_ = 0;
}

// In order, behind earlier responses.
bool HttpCodec::time_out() {
  if (!request_) return false;
  continue_due_ = false;
  host().end_input(CloseReason::message_timeout);
  refuse({408, proto::invalid_request("the request was not whole in time")});
  request_.reset();
  return true;
}

std::uint64_t HttpCodec::open_exchange() {
  Exchange exchange;
  const HttpRequestHead& head = request_->head();
  exchange.http11 = head.http11;
  exchange.keep_alive = host().takes_input() && !close_after_;
  exchange.body_wanted = head.method != "HEAD";
  if (head.has_origin && origin_allowed(head.origin, host().policy())) exchange.origin = head.origin;
  held_bytes_ += sizeof exchange + exchange.origin.size();
  exchanges_.push_back(std::move(exchange));
  return first_ + exchanges_.size() - 1;
}

void HttpCodec::reply(std::uint64_t exchange, std::string& reply, std::int64_t code) {
  Exchange& answer = exchanges_[exchange - first_];
  if (streaming_ == Streaming::asked && answer_with_stream(answer, reply, code)) [[unlikely]]
    return;
  if (&answer == &exchanges_.back()) say_close_when_draining();
  if (exchange != first_) {
    respond(answer.response, answer, reply, code);
    answer.ready = true;
    held_bytes_ += answer.response.size();
    held_bytes_ -= std::exchange(answer.origin, {}).size();
    return;
  }
  respond(host().output(reply.size()), answer, reply, code);
  held_bytes_ -= answer.origin.size();
  auto next = exchanges_.begin() + 1;
  for (; next != exchanges_.end() && next->ready; ++next) {
    host().output() += next->response;
    held_bytes_ -= next->response.size();
  }
  const auto answered = static_cast<std::size_t>(next - exchanges_.begin());
  held_bytes_ -= answered * sizeof(Exchange);
  first_ += answered;
  exchanges_.erase(exchanges_.begin(), next);
  if (exchanges_.empty() && exchanges_.capacity() > kExchangesKept) exchanges_.shrink_to_fit();
  invite_body();
}

// Marks the last response of a draining connection, so that its client stops sending.
void HttpCodec::say_close_when_draining() {
  if (!host().draining() || request_ || host().input_waits()) return;
  exchanges_.back().keep_alive = false;
  host().end_input(CloseReason::draining);
}

void HttpCodec::respond(std::string& out, const Exchange& exchange, std::string_view reply,
                        std::int64_t code) {
  HttpResponseHead head;
  head.http11 = exchange.http11;
  head.keep_alive = exchange.keep_alive;
  if (code == 0 && exchange.status == 0 && exchange.origin.empty()) {
    // The most frequent response.
    head.status = reply.empty() ? 204 : 200;
    return append_response(out, head, reply, exchange.body_wanted, host().io().now());
  }
  head.status = exchange.status != 0 ? exchange.status : reply.empty() ? 204 : http_status(code, reply);
  head.is_json = exchange.is_json;
  std::string extra(exchange.headers);
  if (exchange.is_json) extra += headers_of_error(head.status, reply);
  if (!exchange.origin.empty()) {
    extra += headers_for_page(exchange);
    if (reply.empty() && exchange.status == 204) extra += preflight_headers(host().policy());
  }
  head.extra = extra;
  append_response(out, head, reply, exchange.body_wanted, host().io().now());
}

}  // namespace sluice::core
