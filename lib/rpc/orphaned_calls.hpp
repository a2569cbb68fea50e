// Orphaned calls: notifications and batches that run on after their clients are gone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <string>

#include "lib/rpc/batch.hpp"
#include "lib/rpc/call_executor.hpp"

namespace sluice::core {

// Runs notifications of clients that are gone: a client need not stay for them. They belong to no connection,
// so their memory is bounded here, and what exceeds the bound is dropped. Owns such batches. I/O thread only;
// must outlive the thread's connections.
class OrphanedCalls final : private BatchOwner {
 public:
  explicit OrphanedCalls(CallExecutor& executor) : executor_(executor) {}

  // CallExecutor::start() for a notification whose client is gone, if there is room for it. Does not throw.
  void start(CallExecutor::NewCall&& call, TimePoint received, const std::shared_ptr<const Grant>& grant);
  // Goes on with a notification whose owner's client is gone, or drops it. Does not throw.
  void adopt(ActiveCall& call);
  // Takes a batch whose client is gone out of `from`, and keeps it until its notifications have run. Where
  // there is no room for those, none of them is run.
  using Batches = std::list<std::unique_ptr<Batch>>;
  void adopt(Batches& from, Batches::iterator batch);

  // What the calls and batches hold of requests.
  std::size_t bytes() const { return bytes_; }

  // Answers all that are left; used at the end of a drain.
  void abort_all(const proto::Error& error);

 private:
  // Bound of their memory: kBytesMax, or that many messages of the maximum size if that is more. One client
  // alone can't leave that much.
  static constexpr std::size_t kBytesMax = 16 * 1024 * 1024;
  static constexpr std::size_t kMessagesMax = 4;

  bool reserve(std::size_t bytes);
  void on_answer(ActiveCall& call, std::string&, std::int64_t) override {
    bytes_ -= call.request.text.size();
  }
  void on_answer_lost() override {}
  void on_batch_finished(Batch& batch, std::string& reply) override;

  CallExecutor& executor_;
  Batches batches_;
  std::size_t bytes_ = 0;
};

}  // namespace sluice::core
