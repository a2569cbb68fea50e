#include "lib/server/calls_method.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>

#include "lib/call/async_handler.hpp"
#include "lib/dispatch/call_listing.hpp"
#include "lib/server/engine_parts.hpp"

namespace sluice::core {
namespace {

constexpr auto kPatience = milliseconds(500);  // for an I/O thread to answer
constexpr int kAtOnceMax = 8;                  // of these calls

std::int64_t ms_between(TimePoint from, TimePoint to) {
  return std::chrono::duration_cast<milliseconds>(to - from).count();
}

Json to_json(const CallListing& call, TimePoint now) {
  Json entry = {{"method", call.method},
                {"phase", call.phase},
                {"age_ms", ms_between(call.received, now)},
                {"remaining_ms", std::max<std::int64_t>(0, ms_between(now, call.deadline))}};
  // Whole ids only: a part of one would be another.
  entry["id"] = call.id.empty() ? Json(nullptr) : Json::parse(call.id, nullptr, false);
  if (entry["id"].is_discarded()) entry["id"] = call.id;
  if (!call.client.empty()) entry["client"] = call.client;
  if (!call.backend.empty()) entry["backend"] = call.backend;
  return entry;
}

// One rpc.calls on its way round the threads.
class Inquiry final : public std::enable_shared_from_this<Inquiry>, private Deadline {
 public:
  Inquiry(ActiveCall& call, EngineParts& parts, std::atomic<int>& running)
      : call_(call), parts_(parts), running_(running), answered_(parts.io.size()) {}

  void begin() {
    parts_.hub.io().post([self = shared_from_this()] {
      self->held_ = self;
      self->parts_.hub.io().set_deadline(*self, Clock::now() + kPatience);
      self->ask();
    });
  }

 private:
  void ask() {
    for (std::size_t i = 0; i < parts_.io.size(); ++i) {
      IoPart& part = *parts_.io[i];
      part.thread.post([self = shared_from_this(), &part, i] {
        std::vector<CallListing> listed;
        part.calls.list(listed, self->call_);
        self->parts_.hub.io().post(
            [self, i, listed = std::move(listed)]() mutable { self->take(i, listed); });
      });
    }
  }

  // On the backends' thread, as all that follows.
  void take(std::size_t part, std::vector<CallListing>& listed) {
    if (done_) return;
    answered_[part] = true;
    for (CallListing& call : listed) {
      // The I/O thread knows no more than that the backend has it.
      if (call.phase == "running" && parts_.hub.waits(call.serial)) call.phase = "waiting";
    }
    std::ranges::move(listed, std::back_inserter(calls_));
    if (std::ranges::all_of(answered_, [](bool each) { return each; })) finish();
  }

  void on_deadline(TimePoint) override { finish(); }

  void finish() {
    if (std::exchange(done_, true)) return;
    const auto held = std::move(held_);
    parts_.hub.io().clear_deadline(*this);
    try {
      compose_result(call_, document());
    } catch (const std::bad_alloc&) {
      compose_internal_error(call_);
    }
    running_.fetch_sub(1);
    end_async(call_);
  }

  std::string document() {
    const TimePoint now = Clock::now();
    Json document = {{"total", calls_.size()}, {"calls", Json::array()}};
    std::ranges::sort(calls_, {}, &CallListing::received);
    for (const CallListing& call : calls_) {
      if (document["calls"].size() == kListedCallsMax) break;
      document["calls"].push_back(to_json(call, now));
    }
    for (std::size_t i = 0; i < answered_.size(); ++i) {
      if (!answered_[i]) document["stuck_threads"].push_back(parts_.io[i]->thread.name());
    }
    return document.dump(-1, ' ', false, Json::error_handler_t::replace);
  }

  ActiveCall& call_;
  EngineParts& parts_;
  std::atomic<int>& running_;
  std::shared_ptr<Inquiry> held_;
  std::vector<CallListing> calls_;
  std::vector<bool> answered_;
  bool done_ = false;
};

class CallsHandler final : public AsyncHandler {
 public:
  explicit CallsHandler(EngineParts& parts) : parts_(parts) {}

  void start(ActiveCall& call, boost::asio::io_context&) override {
    if (running_.fetch_add(1) >= kAtOnceMax) {
      running_.fetch_sub(1);
      compose_error(call, proto::busy(proto::BusyReason::method_busy, kPatience));
      return end_async(call);
    }
    try {
      std::make_shared<Inquiry>(call, parts_, running_)->begin();
    } catch (const std::bad_alloc&) {
      running_.fetch_sub(1);
      throw;
    }
  }

  bool exempt() const override { return true; }

 private:
  EngineParts& parts_;
  std::atomic<int> running_{0};
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
