// The objects that a session needs, without a server.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/rpc/rpc_session.hpp"
#include "proto/message_scanner.hpp"

namespace sluice::core::testing {

// Its thread does not run: inline handlers run within CallExecutor::start(), others do not run at all.
struct SessionParts {
  explicit SessionParts(const Limits& limits = {}, const std::vector<ClientSettings>& clients = {})
      : access(clients), thread(0, "io-0", limits, pool, metrics.shard(0)) {}

  Metrics metrics{1};
  WorkerPool pool{1, 100};
  Registry registry{metrics};
  Access access;
  Admission admission{100};
  AdmissionPipeline admission_pipeline{registry, access, admission, pool, metrics};
  IoThread thread;
  CallExecutor calls{thread, admission_pipeline, true};
  OrphanedCalls orphans{calls};
};

// Keeps what a session sends.
struct TestSink final : ReplySink {
  struct Reply {
    std::uint64_t exchange;
    std::string text;
    std::int64_t code;
  };

  void on_reply(std::uint64_t exchange, std::string& reply, std::int64_t code) override {
    replies.push_back({exchange, reply, code});
  }
  void on_window_open() override { ++windows_opened; }
  void on_reply_lost() override { ++replies_lost; }
  std::string* reusable_buffer() override { return nullptr; }
  void fill_peer_identity(Caller& caller) override {
    ++identities_filled;
    caller.set_certificate(certificate);
  }
  std::string peer() const override { return "test"; }

  std::vector<Reply> replies;
  std::string certificate;  // the peer's; empty: none
  int windows_opened = 0;
  int replies_lost = 0;
  int identities_filled = 0;
};

// Answers its params.
inline MethodSpec echo_spec(std::string name, HandlerKind kind) {
  MethodSpec spec;
  spec.name = std::move(name);
  spec.kind = kind;
  spec.handler = [](Call&, std::string_view params, std::string& result) -> std::optional<Error> {
    result += params;
    return std::nullopt;
  };
  return spec;
}

// Messages of a test; they last as long as this.
class ScannedMessages {
 public:
  struct Scanned {
    explicit Scanned(std::string message) : text(std::move(message)) { scanner.scan(text); }
    const proto::Message& message() const { return scanner.message(); }
    const std::string text;
    proto::MessageScanner scanner;
  };
  const Scanned& scan(std::string text) { return scanned_.emplace_back(std::move(text)); }

  // A call that is not started.
  CallExecutor::NewCall read(CallExecutor& executor, std::string text) {
    const Scanned& scanned = scan(std::move(text));
    CallExecutor::NewCall call = executor.new_call();
    std::string& scratch = scratches_.emplace_back();
    static_cast<void>(proto::read_request(scanned.text, scanned.message().single, call->request, scratch));
    return call;
  }

 private:
  std::deque<Scanned> scanned_;
  std::deque<std::string> scratches_;
};

}  // namespace sluice::core::testing
