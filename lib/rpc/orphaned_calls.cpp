#include "lib/rpc/orphaned_calls.hpp"

#include <algorithm>
#include <utility>

namespace sluice::core {

void OrphanedCalls::start(CallExecutor::NewCall&& call, TimePoint received,
                          const std::shared_ptr<const Grant>& grant) {
  if (reserve(call->request.text.size())) return executor_.start(std::move(call), received, grant, *this, 0);
  executor_.io().metrics().rejected[static_cast<std::size_t>(Rejection::overloaded)].add(1);
}

void OrphanedCalls::adopt(ActiveCall& call) {
  if (!reserve(call.request.text.size())) return executor_.drop(call);
  static_cast<ListHook<OwnerTag>&>(call).unlink();
  call.owner = this;
  calls.push_back(call);
}

void OrphanedCalls::adopt(Batches& from, Batches::iterator batch) {
  Batch& adopted = **batch;
  const bool fits = reserve(adopted.request_bytes());
  if (!fits) bytes_ += adopted.request_bytes();  // until its running entries have ended
  batches_.splice(batches_.end(), from, batch);
  adopted.client_gone(*this, fits);
}

void OrphanedCalls::abort_all(const proto::Error& error) {
  while (ActiveCall* const call = calls.front()) executor_.abort(*call, error);
  while (!batches_.empty()) {
    const std::size_t before = batches_.size();
    batches_.front()->abort_all(error);
    if (batches_.size() == before) return;
  }
}

// Whether there is room for so much; then it is counted.
bool OrphanedCalls::reserve(std::size_t bytes) {
  const std::size_t most = std::max(kBytesMax, kMessagesMax * executor_.io().limits.message_bytes_max);
  if (bytes_ + bytes > most) return false;
  bytes_ += bytes;
  return true;
}

void OrphanedCalls::on_batch_finished(Batch& batch, std::string&) {
  bytes_ -= batch.request_bytes();
  batches_.remove_if([&batch](const auto& candidate) { return candidate.get() == &batch; });
}

}  // namespace sluice::core
