#include "lib/server/calls_method.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <functional>
#include <new>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "lib/call/async_handler.hpp"
#include "lib/rpc/call_listing.hpp"
#include "lib/server/engine_parts.hpp"
#include "proto/json_text.hpp"
#include "proto/response_writer.hpp"

namespace sluice::core {
namespace {

constexpr auto kAnswerWait = milliseconds(500);  // for an I/O thread to answer
constexpr int kAtOnceMax = 256;                  // of these calls, including those on their way
constexpr std::size_t kWaitingMax = 8;           // of them, waiting for the next list
// Pause between two lists, as a multiple of the last one's time. So lists take at most a fifth of a thread,
// if one takes at most 12 ms.
constexpr int kPauseFactor = 4;
constexpr auto kPauseMin = milliseconds(5);
constexpr auto kPauseMax = milliseconds(50);

std::int64_t ms_between(TimePoint from, TimePoint to) {
  return std::chrono::duration_cast<milliseconds>(to - from).count();
}

void append_member(std::string& out, std::string_view name, std::string_view text) {
  if (text.empty()) return;
  out.append(",\"").append(name).append("\":");
  proto::append_quoted(out, text);
}

// As text: a JSON tree of a thousand calls takes milliseconds, which would delay the thread's clients.
void append_call(std::string& out, const CallListing& call, TimePoint now) {
  out += "{\"age_ms\":" + std::to_string(ms_between(call.received, now));
  append_member(out, "backend", call.backend);
  append_member(out, "client", call.client);
  // Whole ids only: a cut one would be another id.
  out.append(",\"id\":").append(call.id.empty() ? proto::kNullId : std::string_view(call.id));
  append_member(out, "method", call.method);
  append_member(out, "phase", call.phase);
  const std::int64_t remaining = std::max<std::int64_t>(0, ms_between(now, call.deadline));
  out += ",\"remaining_ms\":" + std::to_string(remaining) + "}";
}

// One round of questions to the threads, for all calls that were waiting at its start.
class Inquiry final : public std::enable_shared_from_this<Inquiry>, private Deadline {
 public:
  using Done = std::function<void()>;
  // Runs on the backends' thread only. `done` is called after the calls were answered.
  Inquiry(std::vector<ActiveCall*> asking, EngineParts& parts, Done done)
      : asking_(std::move(asking)), parts_(parts), done_(std::move(done)), answered_(parts.io.size()) {}

  void begin() {
    held_ = shared_from_this();
    parts_.hub.io().set_deadline(*this, Clock::now() + kAnswerWait);
    try {
      for (std::size_t i = 0; i < parts_.io.size(); ++i) ask(i);
    } catch (const std::bad_alloc&) {
      // Threads that were not asked count as not answering.
    }
  }

 private:
  void ask(std::size_t index) {
    IoPart& part = *parts_.io[index];
    part.thread.post([self = shared_from_this(), &part, index] {
      std::vector<CallListing> listed;
      const std::size_t total = list_calls(part.thread, self->asking_, listed);
      self->parts_.hub.io().post(
          [self, index, total, listed = std::move(listed)]() mutable { self->take(index, total, listed); });
    });
  }

  void take(std::size_t part, std::size_t total, std::vector<CallListing>& listed) {
    if (!held_) return;
    total_ += total;
    answered_[part] = true;
    for (CallListing& call : listed) {
      // The I/O thread only knows that the backend has it.
      if (call.phase == "running" && parts_.hub.waits(call.serial)) call.phase = "waiting";
    }
    std::ranges::move(listed, std::back_inserter(calls_));
    if (std::ranges::all_of(answered_, [](bool each) { return each; })) finish();
  }

  void on_deadline(TimePoint) override { finish(); }

  void finish() {
    const auto held = std::move(held_);
    if (!held) return;
    parts_.hub.io().clear_deadline(*this);
    std::string text;
    try {
      text = document();
    } catch (const std::bad_alloc&) {
      text.clear();
    }
    for (ActiveCall* const call : asking_) answer(*call, text);
    done_();
  }

  static void answer(ActiveCall& call, const std::string& text) {
    try {
      if (text.empty()) throw std::bad_alloc();
      compose_result(call, text);
    } catch (const std::bad_alloc&) {
      compose_internal_error(call);
    }
    end_async(call);
  }

  std::string document() {
    const TimePoint now = Clock::now();
    std::ranges::sort(calls_, {}, &CallListing::received);
    calls_.resize(std::min(calls_.size(), kListedCallsMax));
    std::string document = "{\"calls\":[";
    for (const CallListing& call : calls_) {
      if (&call != &calls_.front()) document += ',';
      append_call(document, call, now);
    }
    document += ']';
    std::string_view before = ",\"stuck_threads\":[";
    for (std::size_t i = 0; i < answered_.size(); ++i) {
      if (answered_[i]) continue;
      document += std::exchange(before, ",");
      proto::append_quoted(document, parts_.io[i]->thread.name());
    }
    if (before == ",") document += ']';
    document += ",\"total\":" + std::to_string(total_) + "}";
    return document;
  }

  // Constant from begin() on, since I/O threads read it.
  const std::vector<ActiveCall*> asking_;
  EngineParts& parts_;
  const Done done_;
  std::shared_ptr<Inquiry> held_;  // keeps it alive until it is finished
  std::vector<CallListing> calls_;
  std::size_t total_ = 0;
  std::vector<bool> answered_;
};

// One inquiry at a time, whose document answers all calls that were waiting at its start, and a pause after
// it. Unlimited or concurrent inquiries would take most of the I/O threads' time.
class CallsHandler final : public AsyncHandler, private Deadline {
 public:
  explicit CallsHandler(EngineParts& parts) : parts_(parts) {}

  void start(ActiveCall& call, boost::asio::io_context&) override {
    if (running_.fetch_add(1) >= kAtOnceMax) return refuse(call);
    try {
      std::string peer = call.owner != nullptr ? without_port(call.owner->peer()) : std::string();
      // A post for each call would keep sockets waiting, if many are sent and this is the backends' thread as
      // well.
      if (parts_.hub.io().here()) return add({&call, std::move(peer)});
      parts_.hub.io().post([this, &call, peer = std::move(peer)]() mutable {
        add({&call, std::move(peer)});
      });
    } catch (const std::bad_alloc&) {
      running_.fetch_sub(1);
      throw;
    }
  }

  bool exempt() const override { return true; }

 private:
  struct Asking {
    ActiveCall* call = nullptr;
    std::string peer;
  };

  static std::string without_port(std::string peer) {
    if (!peer.starts_with("unix:")) peer.resize(std::min(peer.rfind(':'), peer.size()));
    return peer;
  }

  void refuse(ActiveCall& call) {
    running_.fetch_sub(1);
    try {
      compose_error(call, proto::busy(proto::BusyReason::method_busy, kAnswerWait));
    } catch (const std::bad_alloc&) {
      compose_internal_error(call);
    }
    end_async(call);
  }

  // On the backends' thread, as the following functions. The peer with the most waiting calls makes room for
  // another.
  void add(Asking asking) {
    if (waiting_count_ == kWaitingMax) {
      Asking& greediest =
          *std::ranges::max_element(waiting_, {}, [this](const Asking& each) { return calls_of(each.peer); });
      if (calls_of(greediest.peer) > calls_of(asking.peer) + 1) std::swap(greediest, asking);
      return refuse(*asking.call);
    }
    waiting_[waiting_count_++] = std::move(asking);
    if (!inquires_ && !linked()) inquire();
  }

  std::ptrdiff_t calls_of(const std::string& peer) const {
    return std::ranges::count(std::span(waiting_).first(waiting_count_), peer, &Asking::peer);
  }

  void on_deadline(TimePoint) override {
    if (waiting_count_ > 0) inquire();
  }

  void inquire() {
    const auto asking = std::span(waiting_).first(std::exchange(waiting_count_, 0));
    inquires_ = true;
    try {
      std::vector<ActiveCall*> calls;
      for (const Asking& each : asking) calls.push_back(each.call);
      const auto done = [this, count = static_cast<int>(asking.size()), began = Clock::now()] {
        running_.fetch_sub(count);
        inquires_ = false;
        pause(Clock::now() - began);
      };
      std::make_shared<Inquiry>(std::move(calls), parts_, done)->begin();
    } catch (const std::bad_alloc&) {
      inquires_ = false;
      running_.fetch_sub(static_cast<int>(asking.size()));
      for (const Asking& each : asking) {
        compose_internal_error(*each.call);
        end_async(*each.call);
      }
    }
  }

  void pause(Clock::duration took) {
    const auto length = std::clamp<Clock::duration>(kPauseFactor * took, kPauseMin, kPauseMax);
    parts_.hub.io().set_deadline(*this, Clock::now() + length);
  }

  EngineParts& parts_;
  std::atomic<int> running_{0};
  std::array<Asking, kWaitingMax> waiting_{};
  std::size_t waiting_count_ = 0;
  bool inquires_ = false;
};

}  // namespace

MethodSpec calls_method(EngineParts& parts) {
  MethodSpec spec;
  spec.name = "rpc.calls";
  spec.kind = HandlerKind::async;
  spec.async = std::make_shared<CallsHandler>(parts);
  return spec;
}

}  // namespace sluice::core
