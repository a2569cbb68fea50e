#include "lib/backend/upstream/connection.hpp"

#include <algorithm>
#include <utility>

#include "lib/backend/reply_text.hpp"
#include "proto/message_scanner.hpp"

namespace sluice::core {
namespace {

constexpr const char* kLeft = "not needed any more";

}  // namespace

UpstreamConnection::UpstreamConnection(const UpstreamRoute& route, Owner& owner)
    : route_(&route),
      owner_(&owner),
      stream_(route.hub.io().context(), route.url, route.authorities, route.sessions),
      dialect_(spoken_at_first(route.dialect)),
      received_at_(route.hub.now()),
      invalid_input_(received_at_) {}

void UpstreamConnection::open() {
  hub().io().set_deadline(*this, hub().now() + route().settings.connect_timeout);
  stream_.dial(route().settings.connect_timeout, handler(&UpstreamConnection::on_dialled));
}

void UpstreamConnection::on_dialled(boost::system::error_code error) {
  if (error) return end(End::not_connected, error.message());
  begin();
}

void UpstreamConnection::opened() {
  open_ = true;
  rest();
  owner_->on_open(*this);
}

void UpstreamConnection::rest() {
  hub().io().set_deadline(*this, hub().now() + (leaving_ ? milliseconds(0) : rest_limit().limit));
}

void UpstreamConnection::leave() {
  leaving_ = true;
  if (!open_ || attempts_.empty()) end(End::idle, kLeft);
}

void UpstreamConnection::on_deadline(TimePoint) {
  if (open_ && leaving_) return end(End::idle, kLeft);
  if (open_) return end(rest_limit().end, rest_limit().what);
  end(End::not_connected,
      "no connection within " + std::to_string(route().settings.connect_timeout.count()) + " ms");
}

bool UpstreamConnection::has_room() const {
  return open_ && !doubted_ && !leaving_ && attempts_.size() < capacity() && unsent() <= kUnsentBytesMax;
}

void UpstreamConnection::send(UpstreamAttempt& attempt, const ActiveCall& call) {
  const bool awaited = !call.request.is_notification() || answers_notifications();
  attempt.id =
      ids_.next([this](std::uint32_t id) { return attempts_.contains(id) || forgotten_.contains(id); });
  attempt.number = ++count_;
  if (awaited) attempts_.emplace(attempt.id, &attempt);
  attempt.connection = awaited ? this : nullptr;
  attempt.began = hub().now();
  if (awaited) {
    hub().io().clear_deadline(*this);
  } else if (attempts_.empty()) {
    rest();
  }
  write(attempt, call);
}

std::string UpstreamConnection::method_of(const ActiveCall& call) const {
  std::string_view method = call.request.method;
  const std::string& prefix = route().settings.strip_prefix;
  if (method.starts_with(prefix)) method.remove_prefix(prefix.size());
  return std::string(method);
}

void UpstreamConnection::stop(UpstreamAttempt& attempt) {
  if (!write_cancel(attempt)) {
    release(attempt);
    return end(End::given_up, "a call was given up");
  }
  forget(attempt.id);
  release(attempt);
  if (doubted_ && attempts_.empty()) end(End::given_up, "nothing came over it for a call's whole time limit");
}

void UpstreamConnection::mark_suspect(const UpstreamAttempt& attempt) {
  if (received_at_ < attempt.began) doubted_ = true;
}

void UpstreamConnection::forget(std::uint32_t id) {
  forgotten_.insert(id);
  if (forgotten_.size() > kForgottenMax) forgotten_.erase(forgotten_.begin());
}

void UpstreamConnection::release(UpstreamAttempt& attempt) {
  attempts_.erase(attempt.id);
  attempt.connection = nullptr;
  if (attempts_.empty() && open_ && !closed_) rest();
}

UpstreamAttempt* UpstreamConnection::take_attempt() {
  if (attempts_.empty()) return nullptr;
  UpstreamAttempt* const attempt = attempts_.begin()->second;
  attempt->sent = attempt->number <= sent_up_to_;
  attempt->unread = unread_;
  release(*attempt);
  return attempt;
}

UpstreamAttempt* UpstreamConnection::find(std::uint32_t id) {
  const auto found = attempts_.find(id);
  return found == attempts_.end() ? nullptr : found->second;
}

UpstreamAttempt* UpstreamConnection::only_attempt() {
  return attempts_.size() == 1 ? attempts_.begin()->second : nullptr;
}

bool UpstreamConnection::take_message(std::string_view text, const proto::Message& message) {
  doubted_ = false;
  const bool first = !std::exchange(heard_, true);
  if (first && take_hello(text, message.single)) return false;
  const auto reply = proto::read_reply(text, message.single);
  if (!reply) {
    const auto error = proto::read_unnamed_error(text, message.single);
    if (error && take_unnamed(*error)) return true;
    reject(text, "not a reply");
    return take_bad_reply(text, message);
  }
  UpstreamAttempt* const attempt = find(reply->id);
  if (attempt == nullptr) {
    const bool names_nothing = !reply->error.empty() && !ids_.given(reply->id);
    if (names_nothing && take_unnamed(*reply)) return true;
    if (forgotten_.erase(reply->id) == 0) reject(text, "a reply with an unknown id");
    return false;
  }
  answer(*attempt, *reply);
  return true;
}

// Whether it announces what the other side speaks.
bool UpstreamConnection::take_hello(std::string_view text, const proto::Envelope& envelope) {
  if (!is_hello(envelope.method.in(text))) return false;
  const Dialect announced = announced_dialect(envelope.params.in(text));
  if (route().dialect == Dialect::automatic && announced != Dialect::automatic) dialect_ = announced;
  return true;
}

// Where replies to stopped attempts may yet come it could be one of theirs, and is not shown.
bool UpstreamConnection::take_unnamed(const proto::Reply& error) {
  UpstreamAttempt* const attempt = only_attempt();
  if (attempt == nullptr || !forgotten_.empty()) return false;
  on_unnamed_error(*attempt, error);
  return true;
}

bool UpstreamConnection::fail_named(std::string_view text, const proto::Envelope& envelope,
                                    std::optional<std::uint32_t> only) {
  if (closed_ || !proto::means_reply(envelope) || proto::names_another(text, envelope)) return false;
  const auto named = proto::read_reply_id(text, envelope);
  const auto id = named ? named : only;
  UpstreamAttempt* const attempt = id ? find(*id) : nullptr;
  if (attempt == nullptr) return false;
  fail(*attempt, UpstreamFailure::no_reply);
  return true;
}

bool UpstreamConnection::take_bad_reply(std::string_view text, const proto::Message& message) {
  // Of those that it has now: when one is over, another may be the only one. As with take_unnamed() what
  // names none may be for one that was stopped.
  const UpstreamAttempt* const attempt = forgotten_.empty() ? only_attempt() : nullptr;
  const auto only = attempt != nullptr ? std::optional(attempt->id) : std::nullopt;
  if (!message.is_batch()) return fail_named(text, message.single, only);
  bool over = false;
  for (const proto::Envelope& entry : message.entries) over = fail_named(text, entry, only) || over;
  return over;
}

bool UpstreamConnection::take_text(std::string_view text) {
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

bool UpstreamConnection::take_broken(std::string_view text, const proto::Message& scanned) {
  const std::string_view inside = without_control_codes(text);
  if (inside.size() == text.size()) return take_bad_reply(text, scanned);
  proto::MessageScanner scanner;
  scanner.scan(inside);
  return take_bad_reply(inside, scanner.message());
}

void UpstreamConnection::answer(UpstreamAttempt& attempt, const proto::Reply& reply) {
  note_answer();
  release(attempt);
  owner_->on_reply(attempt, reply);
}

// If it began with its id, or can be that of one call only, that call gets the error.
void UpstreamConnection::take_long(std::string_view start) {
  reject(start, "a reply over the size limit");
  proto::MessageScanner scanner;
  scanner.scan(start);
  const auto id = proto::read_reply_id(start, scanner.message().single);
  UpstreamAttempt* const attempt = id ? find(*id) : only_attempt();
  if (attempt != nullptr) fail(*attempt, UpstreamFailure::reply_too_big);
  end(End::misbehaved, "a reply over the size limit");
}

void UpstreamConnection::fail(UpstreamAttempt& attempt, UpstreamFailure how) {
  release(attempt);
  owner_->on_failure(attempt, how);
}

void UpstreamConnection::reject(std::string_view text, const char* why) {
  route().log.warn(why, ": " + hide_secrets(text, route().headers), hub().now());
  count_invalid_input(text.size() + InvalidInputLimiter::kPieceBytes);
}

void UpstreamConnection::count_invalid_input(std::size_t bytes) {
  if (invalid_input_.count(bytes, hub().now())) end(End::misbehaved, "too many bytes that are no reply");
}

// What it has been asked for is of no use to anybody any more.
void UpstreamConnection::close(bool abrupt) {
  closed_ = true;
  open_ = false;
  hub().io().clear_deadline(*this);
  stream_.close(abrupt || !attempts_.empty());
}

void UpstreamConnection::end(End why, const std::string& what) {
  if (closed_) return;
  close(why == End::given_up);
  const std::string& problem = stream_.problem();
  owner_->on_end(*this, why, problem.empty() ? what : what + ": " + problem);
}

void UpstreamConnection::abandon() {
  if (!closed_) close(false);
}

}  // namespace sluice::core
