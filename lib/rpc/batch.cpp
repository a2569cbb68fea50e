#include "lib/rpc/batch.hpp"

#include <algorithm>
#include <new>
#include <utility>

#include "lib/base/release_memory.hpp"
#include "lib/loop/peer_charge.hpp"
#include "proto/json_text.hpp"
#include "proto/response_writer.hpp"

namespace sluice::core {
namespace {

// A longer reply of an entry is taken rather than copied, where it fills at least four fifths of its memory.
constexpr std::size_t kTakenBytesMin = 64 * 1024;
// A longer joint reply is put together in slices.
constexpr std::size_t kJoinedAtOnceMax = 256 * 1024;
constexpr std::size_t kJoinedBytesPerUnit = 16 * 1024;

// Inlined, it makes g++ 12 warn of copies that string's own code does not make of long strings.
[[gnu::noinline]] bool worth_taking(const std::string& reply) {
  return reply.size() > kTakenBytesMin && reply.capacity() - reply.size() <= reply.size() / 4;
}

}  // namespace

Batch::Batch(CallExecutor& executor, const BatchSession& session, std::string_view text,
             std::vector<proto::Envelope> entries, TimePoint received, std::shared_ptr<const Grant> grant,
             std::uint64_t exchange, const CallDefaults& defaults)
    : executor_(executor),
      owner_(&session.owner),
      window_(&session.window),
      control_(&session.control),
      text_(text),
      entries_(std::move(entries)),
      replies_(entries_.size()),
      cancelled_(entries_.size(), false),
      received_(received),
      grant_(std::move(grant)),
      exchange_(exchange),
      traceparent_(defaults.traceparent),
      defaults_{defaults.timeout, traceparent_, {}},
      reply_bytes_max_(executor.io().limits.response_bytes_max),
      request_bytes_(text.size() + entries_.size() * (sizeof(proto::Envelope) + sizeof(std::string))) {
  client = owner_->client;
  set_share(session.share);
}

void Batch::advance() {
  // Entries that are answered at once come back here from within start_entry().
  if (advancing_ || postponed()) return;
  advancing_ = true;
  try {
    start_entries();
  } catch (const std::bad_alloc&) {
    // There will be no whole answer: the client is cut off, and what has not begun does not.
    next_ = entries_.size();
    on_answer_lost();
  }
  advancing_ = false;
  if (postponed()) return;
  if (next_ == entries_.size() && running_ == 0) finish();
}

void Batch::start_entries() {
  while (next_ < entries_.size() && running_ < executor_.io().limits.batch_width) {
    const std::size_t index = next_++;
    if (!cancelled_[index]) start_entry(index);
    if (executor_.io().slice_over(1) && next_ < entries_.size()) return postpone();
  }
}

// Once, though entries that are answered meanwhile come here as well.
void Batch::postpone() {
  if (postponed()) return;
  executor_.io().postpone(*this);
  if (window_ != nullptr) window_->postpone_batch();
}

void Batch::on_slice() {
  if (window_ != nullptr) window_->resume_batch();
  try {
    advance();
  } catch (const std::bad_alloc&) {
    on_answer_lost();
  }
}

void Batch::start_entry(std::size_t index) {
  std::string scratch;
  CallExecutor::NewCall call = executor_.new_call();
  proto::Request& request = call->request;
  if (const auto invalid = proto::read_request(text_, entries_[index], request, scratch)) {
    executor_.stats().count_invalid(invalid->error.code);
    return refuse_entry(index, proto::error_reply(invalid->id, invalid->error));
  }
  defaults_.apply(request);
  if (window_ == nullptr && !request.is_notification()) return;
  if (control_ != nullptr && ControlMethods::may_be_control(request.method)) {
    if (auto answer = control_->handle(request, grant_.get())) return set_reply(index, answer->reply);
  }
  ++running_;
  if (window_ != nullptr) window_->add_entry();
  executor_.start(std::move(call), received_, grant_, *this, index);
}

void Batch::on_answer(ActiveCall& call, std::string& reply, std::int64_t) {
  --running_;
  set_reply(call.tag, reply);
  if (window_ != nullptr) window_->remove_entry();
  if (next_ == entries_.size()) return advance();
  // Reading and starting the next entries may take a whole slice.
  IoThread& io = executor_.io();
  const PeerCharge charge(io, share() != nullptr ? *share() : io.slices().common());
  advance();
}

void Batch::on_answer_lost() { owner_->on_answer_lost(); }

std::string Batch::peer() const { return owner_->peer(); }

// What no longer fits is answered so at once, which also bounds what the batch can hold.
void Batch::set_reply(std::size_t index, std::string& reply) {
  if (reply.empty() || window_ == nullptr) return;
  std::string& kept = replies_[index];
  if (reply_bytes_ + reply.size() + 1 > reply_bytes_max_) {
    kept = proto::error_reply(id_of(index), proto::batch_response_too_big(reply_bytes_max_));
  } else {
    reply_bytes_ += reply.size() + 1;
    if (worth_taking(reply)) {
      kept = std::move(reply);
    } else {
      kept = reply;
    }
  }
  held_bytes_ += kept.capacity();
  window_->add_reply(kept.capacity());
}

std::string_view Batch::id_of(std::size_t index) const {
  const proto::Span& id = entries_[index].id;
  return id.present() ? id.in(text_) : proto::kNullId;
}

bool Batch::reply_due() const {
  return std::ranges::any_of(entries_, [](const proto::Envelope& entry) { return entry.id.present(); });
}

bool Batch::cancel(const CancelTarget& target) {
  if (!target.may_reach(grant_.get())) return false;
  if (executor_.cancel(*this, target)) return true;
  if (next_ == entries_.size()) return false;
  if (!ids_known_) index_ids();
  for (auto at = std::ranges::lower_bound(ids_, EntryId{target.hash, next_});
       at != ids_.end() && at->hash == target.hash; ++at) {
    if (cancelled_[at->index] || !same_id(id_of(at->index), target.id)) continue;
    cancelled_[at->index] = true;
    if (!target.silent) refuse_entry(at->index, proto::error_reply(id_of(at->index), proto::cancelled()));
    return true;
  }
  return false;
}

bool Batch::is_control() const {
  return std::ranges::all_of(entries_, [this](const proto::Envelope& entry) {
    if (entry.method.kind != proto::ValueKind::string) return false;
    const auto method = proto::as_string(entry.method.in(text_));
    return method && ControlMethods::is_control(*method);
  });
}

// Once: entries do not change.
void Batch::index_ids() {
  ids_.reserve(entries_.size());
  for (std::size_t index = 0; index < entries_.size(); ++index) {
    if (entries_[index].id.present()) ids_.push_back({hash_of_id(id_of(index)), index});
  }
  std::ranges::sort(ids_);
  ids_known_ = true;
}

void Batch::abort_all(const proto::Error& error) {
  // Entries not started are answered first, so that none of them takes a slot that becomes free.
  for (std::size_t index = next_; index < entries_.size(); ++index) {
    if (window_ != nullptr && entries_[index].id.present() && !cancelled_[index]) {
      refuse_entry(index, proto::error_reply(id_of(index), error));
    }
  }
  next_ = entries_.size();
  if (postponed()) {
    static_cast<ListHook<SliceTag>&>(*this).unlink();
    if (window_ != nullptr) window_->resume_batch();
  }
  const bool outer = std::exchange(advancing_, true);
  while (ActiveCall* const call = calls.front()) executor_.abort(*call, error);
  advancing_ = outer;
  advance();
}

void Batch::release_replies() {
  for (std::string& reply : replies_) release_memory(reply);
  release_memory(joint_);
  held_bytes_ = request_bytes_;
}

void Batch::client_gone(BatchOwner& next_owner, bool runs_notifications) {
  release_replies();
  window_ = nullptr;
  control_ = nullptr;
  // If this comes from within advance(), that one goes on where it was and ends the batch.
  const bool outer = std::exchange(advancing_, true);
  calls.for_each([&](ActiveCall& call) {
    if (!runs_notifications || !call.request.is_notification()) executor_.drop(call);
  });
  if (!runs_notifications) next_ = entries_.size();
  owner_ = &next_owner;
  leave_share();
  advancing_ = outer;
  advance();
}

// The peer's share may end with its connection.
void Batch::leave_share() {
  const bool waits = postponed();
  static_cast<ListHook<SliceTag>&>(*this).unlink();
  set_share(nullptr);
  if (waits) executor_.io().postpone(*this);
}

void Batch::finish() {
  if (window_ != nullptr && !join()) return postpone();
  owner_->on_batch_finished(*this, joint_);
}

// False where the slice is over before all replies are in. Each gives its memory back as it goes in, so that
// they are not held twice.
bool Batch::join() {
  const bool in_slices = reply_bytes_ > kJoinedAtOnceMax;
  if (joined_ == 0) joint_.reserve(reply_bytes_);
  while (joined_ < replies_.size()) {
    std::string& entry = replies_[joined_++];
    if (entry.empty()) continue;
    joint_ += joint_.empty() ? '[' : ',';
    joint_ += entry;
    const std::size_t units = entry.size() / kJoinedBytesPerUnit;
    if (!in_slices) continue;
    release_memory(entry);
    if (executor_.io().slice_over(units) && joined_ < replies_.size()) return false;
  }
  if (!joint_.empty()) joint_ += ']';
  return true;
}

}  // namespace sluice::core
