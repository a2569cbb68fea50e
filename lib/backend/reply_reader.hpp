// Reader of a backend's messages: finds the call that each of them answers.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "lib/backend/backend_settings.hpp"
#include "lib/backend/wire_note.hpp"
#include "proto/message.hpp"
#include "proto/reply.hpp"

namespace sluice::core {

// A reply names its call by its id. Where it names none, or is invalid, it is for the only call that waits.
// The first message may be an announcement of the backend's dialect. Not thread-safe.
class ReplyReader {
 public:
  // What the log says about messages that answer nothing.
  struct Texts {
    const char* not_a_reply;
    const char* own_call;
    const char* unknown_id;
  };

  // Views last for the call.
  class Callbacks {
   public:
    // The reply to the call with that id. False where no call has it.
    virtual bool on_reply(std::uint32_t id, const proto::Reply& reply) = 0;
    // An error without an id, for the only call that waits.
    virtual void on_unnamed_error(std::uint32_t id, const proto::Reply& error) = 0;
    // It means to answer that call and is invalid; no better one will come. False where no call has the id.
    virtual bool on_bad_reply(std::uint32_t id) = 0;
    // It announces itself; `announced` is `automatic` where it names no known dialect.
    virtual void on_hello(std::string_view text, std::string_view params, Dialect announced) = 0;
    // A notification that may belong to a call. False where it does not.
    virtual bool on_note(const WireNote&) { return false; }
    // Text that answers nothing.
    virtual void reject(std::string_view text, const char* why) = 0;
    // The call that a reply without an id is for; nothing where there may be more than one.
    virtual std::optional<std::uint32_t> only_call() const = 0;
    // Whether an id like this one was ever given to a call.
    virtual bool given(std::uint32_t id) const = 0;
    // Whether the reply was still to come, though its call was stopped.
    virtual bool take_late(std::uint32_t id) = 0;

   protected:
    ~Callbacks() = default;
  };

  // `configured`: the dialect of the settings. `automatic` is what the backend announces.
  ReplyReader(Dialect configured, const Texts& texts, Callbacks& callbacks);

  // What is spoken.
  Dialect dialect() const { return dialect_; }

  // A whole message. Whether a call is over by it.
  bool take_message(std::string_view text, const proto::Message& message);
  // Text that is not a valid message, and was rejected; `scanned` is what the scanner found in it. Whether a
  // call is over by it.
  bool take_broken(std::string_view text, const proto::Message& scanned);
  // No announcement may come any more.
  void end_hello() { heard_ = true; }

 private:
  bool take_hello(std::string_view text, const proto::Envelope& envelope);
  bool take_unnamed(const proto::Reply& error);
  bool take_bad_replies(std::string_view text, const proto::Message& message);
  bool take_bad_reply(std::string_view text, const proto::Envelope& envelope,
                      std::optional<std::uint32_t> only);

  const Dialect configured_;
  Dialect dialect_;
  const Texts texts_;
  Callbacks& callbacks_;
  bool heard_ = false;  // a first message has come
};

}  // namespace sluice::core
