#include "lib/call/call_notes.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "lib/call/active_call.hpp"

namespace sluice::core {
namespace {

struct Home final : CallHome {
  bool complete(ActiveCall&) override { return false; }
  void deliver_notes(std::shared_ptr<CallNotes> notes) override { announced.push_back(std::move(notes)); }
  std::vector<std::shared_ptr<CallNotes>> announced;
};

// A call of that text, whose handler has it.
struct Fixture {
  explicit Fixture(std::string request) : text(std::move(request)) {
    call.request.text = text;
    call.request.id = R"("a")";
    if (const auto at = text.find(R"({"_)"); at != std::string::npos) {
      call.request.params = std::string_view(text).substr(at, text.size() - at - 1);
    }
    call.stage = ActiveCall::Stage::async;
    call.home = &home;
  }
  NoteResult notify(std::string_view params, std::string_view key = {}) {
    return Call(call).notify("n", params, key);
  }
  std::vector<std::string> take_all() {
    std::vector<std::string> taken;
    std::string note;
    while (notes().take(note)) taken.push_back(note);
    return taken;
  }
  CallNotes& notes() { return CallNotes::of(call); }

  const std::string text;
  Home home;
  ActiveCall call;
};

constexpr const char* kAsks = R"({"jsonrpc":"2.0","id":"a","method":"m","notes":true})";
constexpr const char* kHasToken =
    R"({"jsonrpc":"2.0","id":"a","method":"m","params":{"_meta":{"progressToken":7}}})";

TEST_CASE("CallNotes: a note names the call where its client asked for notes by name") {
  Fixture fixture(kAsks);
  CHECK(fixture.notify("[1]") == NoteResult::sent);
  CHECK(fixture.notify("") == NoteResult::sent);
  CHECK(fixture.take_all() ==
        std::vector<std::string>{R"({"jsonrpc":"2.0","method":"n","call":"a","params":[1]})",
                                 R"({"jsonrpc":"2.0","method":"n","call":"a"})"});
}

TEST_CASE("CallNotes: a note does not name the call where its client gave a progress token") {
  Fixture fixture(kHasToken);
  CHECK(fixture.notes().token() == "7");
  CHECK(fixture.notify("{\"a\":\n1}") == NoteResult::sent);
  CHECK(fixture.take_all() == std::vector<std::string>{R"({"jsonrpc":"2.0","method":"n","params":{"a":1}})"});
}

TEST_CASE("CallNotes: a client that has not asked gets none, and nothing is announced or counted") {
  Fixture fixture(R"({"jsonrpc":"2.0","id":"a","method":"m","notes":false})");
  CHECK(fixture.notify("[1]") == NoteResult::gone);
  CHECK(fixture.home.announced.empty());
  CHECK(fixture.notes().take_lost().dropped == 0);
}

TEST_CASE("CallNotes: params that are not an array or an object are dropped") {
  Fixture fixture(kAsks);
  for (const char* params : {"1", "[1", "{}x", "\"a\"", "nul"}) {
    CHECK(fixture.notify(params) == NoteResult::dropped);
  }
  CHECK(fixture.take_all().empty());
}

TEST_CASE("CallNotes: notes are announced once until all are taken") {
  Fixture fixture(kAsks);
  fixture.notify("[1]");
  fixture.notify("[2]");
  CHECK(fixture.home.announced.size() == 1);
  fixture.take_all();
  fixture.notify("[3]");
  CHECK(fixture.home.announced.size() == 2);
}

TEST_CASE("CallNotes: a newer note replaces the older with its key, behind what came between") {
  Fixture fixture(kAsks);
  fixture.notify("[1]", "k");
  fixture.notify("[2]");
  CHECK(fixture.notify("[3]", "k") == NoteResult::replaced);
  const auto taken = fixture.take_all();
  REQUIRE(taken.size() == 2);
  CHECK(taken[0].ends_with("[2]}"));
  CHECK(taken[1].ends_with("[3]}"));
  CHECK(fixture.notes().take_lost().replaced == 1);
}

TEST_CASE("CallNotes: past the bound of notes the oldest without a key is dropped and counted") {
  Fixture fixture(kAsks);
  fixture.notify("[-1]", "k");
  for (std::size_t i = 0; i < CallNotes::kNotesMax + 5; ++i) fixture.notify("[" + std::to_string(i) + "]");
  const auto taken = fixture.take_all();
  REQUIRE(taken.size() == CallNotes::kNotesMax);
  CHECK(taken[0].ends_with("[-1]}"));
  CHECK(taken[1].ends_with("[6]}"));
  CHECK(fixture.notes().take_lost().dropped == 6);
}

TEST_CASE("CallNotes: what waits has a bound in bytes, and a longer note is dropped") {
  Fixture fixture(kAsks);
  const std::string part = "[\"" + std::string(100'000, 'x') + "\"]";
  for (int i = 0; i < 4; ++i) CHECK(fixture.notify(part) == NoteResult::sent);
  CHECK(fixture.take_all().size() == 2);
  CHECK(fixture.notify("[\"" + std::string(CallNotes::kBytesMax, 'x') + "\"]") == NoteResult::dropped);
  CHECK(fixture.notes().take_lost().dropped == 3);
}

TEST_CASE("CallNotes: after a cancel no note is taken up") {
  Fixture fixture(kAsks);
  fixture.notify("[1]");
  fixture.call.cancellation.request();
  CHECK(fixture.notify("[2]") == NoteResult::gone);
}

TEST_CASE("CallNotes: notes outlast their call where they are on their way") {
  Home home;
  {
    Fixture fixture(kAsks);
    fixture.notify("[1]");
    home.announced.swap(fixture.home.announced);
  }
  CHECK(home.announced.at(0)->call() == nullptr);
  std::string none;
  CHECK_FALSE(home.announced.at(0)->take(none));
}

}  // namespace
}  // namespace sluice::core
