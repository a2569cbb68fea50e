#include "lib/call/call_notes.hpp"

#include <algorithm>
#include <new>
#include <utility>

#include "lib/call/active_call.hpp"
#include "proto/json_text.hpp"
#include "proto/message_scanner.hpp"
#include "proto/one_line.hpp"

namespace sluice {
namespace {

bool is_valid(std::string_view params) {
  if (params.empty()) return true;
  proto::MessageScanner scanner;
  if (scanner.scan(params) != proto::MessageScanner::Status::complete) return false;
  const proto::ValueKind kind = scanner.message().kind;
  return scanner.position() == params.size() &&
         (kind == proto::ValueKind::array || kind == proto::ValueKind::object);
}

}  // namespace

NoteResult Call::notify(std::string_view method, std::string_view params_json,
                        std::string_view key) noexcept {
  try {
    core::CallNotes& notes = core::CallNotes::of(call_);
    if (!notes.wanted()) return NoteResult::gone;
    if (!is_valid(params_json)) return NoteResult::dropped;
    return notes.add(proto::quoted(method), params_json, key);
  } catch (const std::bad_alloc&) {
    return NoteResult::dropped;
  }
}

}  // namespace sluice

namespace sluice::core {
namespace {

// What the client calls its progress, in the ways of MCP and of LSP.
std::string_view progress_token(std::string_view params) {
  if (!params.starts_with('{')) return {};
  if (const auto meta = proto::member(params, "_meta"); meta && meta->starts_with('{')) {
    if (const auto token = proto::member(*meta, "progressToken")) return *token;
  }
  return proto::member(params, "workDoneToken").value_or(std::string_view());
}

}  // namespace

void ActiveCall::forget_notes() { notes.exchange(nullptr)->end(); }

CallNotes& CallNotes::of(ActiveCall& call) {
  if (CallNotes* const known = call.notes.load(std::memory_order_acquire)) return *known;
  auto made = std::make_shared<CallNotes>(call);
  made->self_ = made;
  CallNotes* found = nullptr;
  if (call.notes.compare_exchange_strong(found, made.get(), std::memory_order_acq_rel)) return *made;
  made->self_.reset();
  return *found;
}

CallNotes::CallNotes(ActiveCall& call) : call_(&call) { read_request(); }

void CallNotes::read_request() {
  const proto::Request& request = call_->request;
  if (request.is_notification()) return;
  token_ = progress_token(request.params);
  if (proto::member(request.text, "notes") == "true") named_ = request.id;
  wanted_ = !token_.empty() || !named_.empty();
}

NoteResult CallNotes::add(std::string_view method, std::string_view params, std::string_view key) {
  if (!wanted() || call_->cancellation.requested()) return NoteResult::gone;
  if (method.size() + params.size() + key.size() > kBytesMax) {
    const std::lock_guard lock(mutex_);
    ++lost_.dropped;
    return NoteResult::dropped;
  }
  const NoteResult result = push({compose(method, params), std::string(key)});
  if (result != NoteResult::gone && must_announce()) announce();
  return result;
}

std::string CallNotes::compose(std::string_view method, std::string_view params) const {
  std::string text;
  text.reserve(64 + method.size() + params.size() + named_.size());
  text += R"({"jsonrpc":"2.0","method":)";
  proto::append_one_line(text, method);
  if (!named_.empty()) text.append(R"(,"call":)").append(named_);
  if (!params.empty()) {
    text += R"(,"params":)";
    proto::append_one_line(text, params);
  }
  text += '}';
  return text;
}

NoteResult CallNotes::push(Note&& note) {
  const std::size_t bytes = note.bytes();
  const std::lock_guard lock(mutex_);
  if (!wanted()) return NoteResult::gone;
  waiting_.push_back(std::move(note));  // first: only this allocates
  bytes_ += bytes;
  const bool replaced = remove_key(waiting_.back().key);
  make_room();
  return replaced ? NoteResult::replaced : NoteResult::sent;
}

// The newest is the one that has come.
bool CallNotes::remove_key(const std::string& key) {
  if (key.empty()) return false;
  const auto newest = std::prev(waiting_.end());
  const auto older =
      std::find_if(waiting_.begin(), newest, [&](const Note& each) { return each.key == key; });
  if (older == newest) return false;
  remove(older);
  ++lost_.replaced;
  return true;
}

void CallNotes::remove(std::deque<Note>::iterator at) {
  bytes_ -= at->bytes();
  waiting_.erase(at);
}

// Never at the cost of the newest, which fits.
void CallNotes::make_room() {
  while (waiting_.size() > kNotesMax || (bytes_ > kBytesMax && waiting_.size() > 1)) {
    const auto newest = std::prev(waiting_.end());
    const auto oldest =
        std::find_if(waiting_.begin(), newest, [](const Note& each) { return each.key.empty(); });
    remove(oldest == newest ? waiting_.begin() : oldest);
    ++lost_.dropped;
  }
}

// A call that is run on its own I/O thread, inline, is completed before anything else could be done there.
bool CallNotes::must_announce() {
  if (call_->stage == ActiveCall::Stage::starting) return false;
  const std::lock_guard lock(mutex_);
  return !std::exchange(announced_, true);
}

void CallNotes::announce() {
  try {
    call_->home->deliver_notes(shared_from_this());
  } catch (const std::bad_alloc&) {
    // The next note makes up for it, or the reply.
    const std::lock_guard lock(mutex_);
    announced_ = false;
  }
}

bool CallNotes::take(std::string& text) {
  const std::lock_guard lock(mutex_);
  if (waiting_.empty()) {
    announced_ = false;
    return false;
  }
  bytes_ -= waiting_.front().bytes();
  text = std::move(waiting_.front().text);
  waiting_.pop_front();
  return true;
}

void CallNotes::close() {
  std::deque<Note> dropped;
  const std::lock_guard lock(mutex_);
  wanted_ = false;
  dropped.swap(waiting_);
  lost_.dropped += dropped.size();
  bytes_ = 0;
}

void CallNotes::end() {
  close();
  call_ = nullptr;
  const std::shared_ptr<CallNotes> last = std::move(self_);
}

CallNotes::Lost CallNotes::take_lost() {
  const std::lock_guard lock(mutex_);
  return std::exchange(lost_, {});
}

}  // namespace sluice::core
