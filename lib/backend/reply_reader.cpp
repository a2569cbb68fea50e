#include "lib/backend/reply_reader.hpp"

#include <utility>

#include "lib/backend/reply_text.hpp"
#include "lib/backend/wire_call.hpp"
#include "proto/message_scanner.hpp"

namespace sluice::core {

ReplyReader::ReplyReader(Dialect configured, const Texts& texts, Callbacks& callbacks)
    : configured_(configured), dialect_(spoken_at_first(configured)), texts_(texts), callbacks_(callbacks) {}

bool ReplyReader::take_message(std::string_view text, const proto::Message& message) {
  const bool first = !std::exchange(heard_, true);
  if (first && take_hello(text, message.single)) return false;
  const auto reply = proto::read_reply(text, message.single);
  if (!reply) {
    const auto error = proto::read_unnamed_error(text, message.single);
    if (error && take_unnamed(*error)) return true;
    if (const auto note = read_note(text, message, dialect_); note && callbacks_.on_note(*note)) return false;
    const bool asks = message.single.method.present() && !message.is_batch();
    callbacks_.reject(text, asks ? texts_.own_call : texts_.not_a_reply);
    return take_bad_replies(text, message);
  }
  if (callbacks_.on_reply(reply->id, *reply)) return true;
  const bool names_nothing = !reply->error.empty() && !callbacks_.given(reply->id);
  if (names_nothing && take_unnamed(*reply)) return true;
  if (!callbacks_.take_late(reply->id)) callbacks_.reject(text, texts_.unknown_id);
  return false;
}

bool ReplyReader::take_hello(std::string_view text, const proto::Envelope& envelope) {
  if (!is_hello(envelope.method.in(text))) return false;
  const std::string_view params = envelope.params.in(text);
  const Dialect announced = announced_dialect(params);
  if (configured_ == Dialect::automatic && announced != Dialect::automatic) dialect_ = announced;
  callbacks_.on_hello(text, params, announced);
  return true;
}

// Its server did not get as far as to read which call it is for.
bool ReplyReader::take_unnamed(const proto::Reply& error) {
  const auto only = callbacks_.only_call();
  if (!only) return false;
  callbacks_.on_unnamed_error(*only, error);
  return true;
}

bool ReplyReader::take_broken(std::string_view text, const proto::Message& scanned) {
  const std::string_view inside = without_control_codes(text);
  if (inside.size() == text.size()) return take_bad_replies(text, scanned);
  proto::MessageScanner scanner;
  scanner.scan(inside);
  return take_bad_replies(inside, scanner.message());
}

bool ReplyReader::take_bad_replies(std::string_view text, const proto::Message& message) {
  // The only call now: when that one is over, another may be the only one.
  const auto only = callbacks_.only_call();
  if (!message.is_batch()) return take_bad_reply(text, message.single, only);
  bool over = false;
  for (const proto::Envelope& entry : message.entries) over = take_bad_reply(text, entry, only) || over;
  return over;
}

// A log line in JSON, with an id of its own, does not mean to be a reply.
bool ReplyReader::take_bad_reply(std::string_view text, const proto::Envelope& envelope,
                                 std::optional<std::uint32_t> only) {
  if (!proto::means_reply(envelope) || proto::names_another(text, envelope)) return false;
  const auto named = proto::read_reply_id(text, envelope);
  const auto id = named ? named : only;
  return id && callbacks_.on_bad_reply(*id);
}

}  // namespace sluice::core
