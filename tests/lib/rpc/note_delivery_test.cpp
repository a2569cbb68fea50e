#include "lib/rpc/note_delivery.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lib/call/async_handler.hpp"
#include "tests/support/session_parts.hpp"

namespace sluice::core {
namespace {

// Keeps its calls until the test completes them.
struct Handler final : AsyncHandler {
  void start(ActiveCall& call, boost::asio::io_context&) override { calls.push_back(&call); }
  std::vector<ActiveCall*> calls;
};

struct Sink final : ReplySink {
  // Empty where none is due.
  void on_reply(std::uint64_t, std::string& reply, std::int64_t) override {
    if (!reply.empty()) sent.push_back(reply);
  }
  void on_window_open() override {}
  void on_reply_lost() override {}
  std::string* reusable_buffer() override { return nullptr; }
  void fill_peer_identity(Caller&) override {}
  std::string peer() const override { return "test"; }
  bool takes_notes() const override { return takes; }
  bool has_note_room(Occasion) const override { return room > 0; }
  void send_note(std::string_view note) override {
    sent.emplace_back(note);
    --room;
  }
  void await_note_room(std::shared_ptr<CallNotes> notes) override { waiting.push_back(std::move(notes)); }

  std::vector<std::string> sent;
  std::vector<std::shared_ptr<CallNotes>> waiting;
  bool takes = true;
  int room = 100;
};

std::string note(int n) {
  return R"({"jsonrpc":"2.0","method":"n","call":1,"params":[)" + std::to_string(n) + "]}";
}

const std::string kReply = R"({"jsonrpc":"2.0","id":1,"result":"done"})";

struct Fixture {
  Fixture() {
    MethodSpec spec;
    spec.name = "later";
    spec.kind = HandlerKind::async;
    spec.async = handler;
    parts.registry.add(std::move(spec));
    MethodSpec quick;
    quick.name = "quick";
    quick.kind = HandlerKind::inline_io;
    quick.handler = [](Call& call, std::string_view, std::string& result) -> std::optional<Error> {
      call.notify("n", "[1]");
      result += R"("done")";
      return std::nullopt;
    };
    parts.registry.add(std::move(quick));
  }
  ~Fixture() {
    session.disconnected();
    for (std::size_t i = 0; i < handler->calls.size(); ++i) complete(i);
  }

  void receive(std::string text) {
    const auto& scanned = messages.scan(std::move(text));
    session.receive(scanned.text, scanned.message(), 0);
  }
  void call(const std::string& method = "later") {
    receive(R"({"jsonrpc":"2.0","id":1,"method":")" + method + R"(","notes":true})");
  }
  ActiveCall& held() { return *handler->calls.at(0); }
  NoteResult notify(int n) { return Call(held()).notify("n", "[" + std::to_string(n) + "]"); }
  // What the I/O thread does with notes on their way.
  void deliver() { parts.calls.deliver_notes(CallNotes::of(held())); }
  void complete(std::size_t at = 0) {
    ActiveCall* const call = std::exchange(handler->calls.at(at), nullptr);
    if (call == nullptr) return;
    compose_result(*call, R"("done")");
    end_async(*call);
    parts.thread.workers().drain_completions();
  }
  std::uint64_t count(NoteFate fate) const {
    return parts.thread.metrics().notes[static_cast<std::size_t>(fate)].get();
  }

  const std::shared_ptr<Handler> handler = std::make_shared<Handler>();
  testing::ScannedMessages messages;
  mutable testing::SessionParts parts;
  Sink sink;
  RpcSession session{parts.calls, parts.orphans, sink};
};

TEST_CASE("NoteDelivery: notes are sent in their order while the call runs") {
  Fixture fixture;
  fixture.call();
  fixture.notify(1);
  fixture.notify(2);
  fixture.deliver();
  CHECK(fixture.sink.sent == std::vector<std::string>{note(1), note(2)});
  CHECK(fixture.count(NoteFate::sent) == 2);
}

TEST_CASE("NoteDelivery: notes that are on their way when the call is completed are sent before its reply") {
  Fixture fixture;
  fixture.call();
  fixture.notify(1);
  const auto late = CallNotes::of(fixture.held()).shared_from_this();
  fixture.complete();
  CHECK(fixture.sink.sent == std::vector<std::string>{note(1), kReply});
  fixture.parts.calls.deliver_notes(*late);
  CHECK(fixture.sink.sent.size() == 2);
}

TEST_CASE("NoteDelivery: notes of an inline handler are sent before its reply") {
  Fixture fixture;
  fixture.call("quick");
  CHECK(fixture.sink.sent == std::vector<std::string>{note(1), kReply});
}

TEST_CASE("NoteDelivery: nothing is sent after a cancel, though a note was on its way") {
  Fixture fixture;
  fixture.call();
  fixture.notify(1);
  fixture.receive(R"({"jsonrpc":"2.0","method":"rpc.cancel","params":[1]})");
  REQUIRE(fixture.sink.sent.size() == 1);
  CHECK(fixture.notify(2) == NoteResult::gone);
  fixture.deliver();
  fixture.complete();
  CHECK(fixture.sink.sent.size() == 1);
  CHECK(fixture.count(NoteFate::dropped) == 1);
}

TEST_CASE("NoteDelivery: nothing is sent after the time limit, though a note was on its way") {
  Fixture fixture;
  fixture.call();
  fixture.notify(1);
  fixture.parts.calls.expire(fixture.held());
  fixture.deliver();
  fixture.complete();
  REQUIRE(fixture.sink.sent.size() == 1);
  CHECK(fixture.sink.sent[0].find("-32002") != std::string::npos);
}

TEST_CASE("NoteDelivery: without room notes wait, and what does not fit before the reply is dropped") {
  Fixture fixture;
  fixture.call();
  fixture.sink.room = 1;
  for (int n = 1; n <= 3; ++n) fixture.notify(n);
  fixture.deliver();
  CHECK(fixture.sink.sent == std::vector<std::string>{note(1)});
  REQUIRE(fixture.sink.waiting.size() == 1);
  fixture.sink.room = 1;
  fixture.parts.calls.deliver_notes(*fixture.sink.waiting[0]);
  CHECK(fixture.sink.sent == std::vector<std::string>{note(1), note(2)});
  fixture.complete();
  CHECK(fixture.sink.sent.back() == kReply);
  CHECK(fixture.count(NoteFate::dropped) == 1);
}

TEST_CASE("NoteDelivery: a client whose protocol has no notes, or that is gone, is sent none") {
  Fixture fixture;
  fixture.call();
  fixture.sink.takes = false;
  fixture.notify(1);
  fixture.deliver();
  CHECK(fixture.notify(2) == NoteResult::gone);
  fixture.session.disconnected();
  fixture.complete();
  CHECK(fixture.sink.sent.empty());
}

TEST_CASE("NoteDelivery: notes of a batch's entry come before the batch's replies") {
  Fixture fixture;
  fixture.receive(R"([{"jsonrpc":"2.0","id":1,"method":"quick","notes":true}])");
  CHECK(fixture.sink.sent == std::vector<std::string>{note(1), "[" + kReply + "]"});
}

}  // namespace
}  // namespace sluice::core
