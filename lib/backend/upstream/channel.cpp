#include "lib/backend/upstream/channel.hpp"

#include <algorithm>

#include "lib/backend/reply_text.hpp"
#include "proto/message_scanner.hpp"

namespace sluice::core {
namespace {

constexpr ReplyReader::Texts kTexts = {
    .not_a_reply = "not a reply", .own_call = "not a reply", .unknown_id = "a reply with an unknown id"};

}  // namespace

std::string UpstreamRoute::method_of(const ActiveCall& call) const {
  std::string_view method = call.request.method;
  if (method.starts_with(settings.strip_prefix)) method.remove_prefix(settings.strip_prefix.size());
  return std::string(method);
}

UpstreamChannel::UpstreamChannel(const UpstreamRoute& route, Host& host)
    : route_(&route),
      host_(host),
      attempts_(route.hub.now()),
      reader_(route.dialect, kTexts, *this),
      invalid_input_(route.hub.now()) {}

bool UpstreamChannel::take_message(std::string_view text, const proto::Message& message) {
  attempts_.note_message();
  return reader_.take_message(text, message);
}

bool UpstreamChannel::take_text(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  text.remove_prefix(std::min(text.find_first_not_of(kSpace), text.size()));
  proto::MessageScanner scanner;
  const bool whole = scanner.scan(text) == proto::MessageScanner::Status::complete &&
                     text.find_first_not_of(kSpace, scanner.position()) == std::string_view::npos;
  if (whole) return take_message(text.substr(0, scanner.position()), scanner.message());
  reject(text, "not a message");
  return take_broken(text, scanner.message());
}

bool UpstreamChannel::take_broken(std::string_view text, const proto::Message& scanned) {
  return reader_.take_broken(text, scanned);
}

// If it began with its id, or can be that of one call only, that call gets the error.
void UpstreamChannel::take_oversize(std::string_view start) {
  reject(start, "a reply over the size limit");
  proto::MessageScanner scanner;
  scanner.scan(start);
  const auto id = proto::read_reply_id(start, scanner.message().single);
  UpstreamAttempt* const attempt = id ? attempts_.pending().find(*id) : attempts_.only();
  if (attempt != nullptr) fail(*attempt, UpstreamFailure::reply_too_big);
  end(UpstreamEnd::misbehaved, "a reply over the size limit");
}

bool UpstreamChannel::on_reply(std::uint32_t id, const proto::Reply& reply) {
  UpstreamAttempt* const attempt = attempts_.pending().find(id);
  if (attempt != nullptr) answer(*attempt, reply);
  return attempt != nullptr;
}

void UpstreamChannel::on_unnamed_error(std::uint32_t id, const proto::Reply& error) {
  UpstreamAttempt* const attempt = attempts_.pending().find(id);
  if (attempt == nullptr) return;
  attempt->failed = host_.unnamed_error_fails();
  answer(*attempt, error);
}

bool UpstreamChannel::on_bad_reply(std::uint32_t id) {
  UpstreamAttempt* const attempt = closed_ ? nullptr : attempts_.pending().find(id);
  if (attempt != nullptr) fail(*attempt, UpstreamFailure::no_reply);
  return attempt != nullptr;
}

// Where replies to stopped attempts may yet come it could be one of theirs.
std::optional<std::uint32_t> UpstreamChannel::only_call() const {
  return attempts_.pending().expects_late() ? std::nullopt : attempts_.pending().only_id();
}

void UpstreamChannel::answer(UpstreamAttempt& attempt, const proto::Reply& reply) {
  attempts_.note_answer();
  release(attempt);
  host_.on_reply(attempt, reply);
}

void UpstreamChannel::fail(UpstreamAttempt& attempt, UpstreamFailure how) {
  release(attempt);
  host_.on_failure(attempt, how);
}

void UpstreamChannel::release(UpstreamAttempt& attempt) {
  attempts_.release(attempt);
  if (attempts_.pending().empty() && !closed_) host_.on_idle();
}

void UpstreamChannel::reject(std::string_view text, const char* why) {
  route().log.warn(why, ": " + hide_secrets(text, route().headers), hub().now());
  count_invalid_input(text.size() + InvalidInputLimiter::kPieceBytes);
}

void UpstreamChannel::count_invalid_input(std::size_t bytes) {
  if (invalid_input_.count(bytes, hub().now())) {
    end(UpstreamEnd::misbehaved, "too many bytes that are not replies");
  }
}

}  // namespace sluice::core
