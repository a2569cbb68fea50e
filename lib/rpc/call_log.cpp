#include "lib/rpc/call_log.hpp"

#include <array>
#include <new>

namespace sluice::core {
namespace {

// Of a certificate's subject: it is to be copied from the log.
constexpr std::size_t kSubjectBytesMax = 1024;

AccessEntry entry_of(const ActiveCall& call) {
  AccessEntry entry;
  entry.method = call.request.method;
  entry.id = call.request.id;
  if (call.grant) entry.client = call.grant->client_name();
  entry.traceparent = call.request.traceparent;
  entry.request_bytes = call.request.text.size();
  return entry;
}

AccessEntry::Run run_of(const ActiveCall& call) {
  return {call.started - call.received, call.finished - call.started};
}

}  // namespace

void CallLog::write(spdlog::level::level_enum level, const ActiveCall& call, std::int64_t code,
                    std::chrono::nanoseconds took, std::size_t reply_bytes, bool ran) noexcept {
  try {
    const std::string peer = call.owner != nullptr ? call.owner->peer() : std::string();
    AccessEntry entry = entry_of(call);
    entry.peer = peer;
    entry.code = code;
    entry.took = took;
    entry.reply_bytes = reply_bytes;
    if (ran) entry.ran = run_of(call);
    lines_.write(level, entry, io_.now());
  } catch (const std::bad_alloc&) {
    // A call that ended must be answered, with or without a line in the log.
  }
  report_in_time();
}

void CallLog::write_late(const ActiveCall& call) noexcept {
  try {
    AccessEntry entry = entry_of(call);
    entry.took = call.finished - call.received;
    entry.ran = run_of(call);
    AccessLog::write_late(entry);
  } catch (const std::bad_alloc&) {
    // Out of memory: the line is left out.
  }
}

void CallLog::token_refused(std::string_view why, std::string_view method, std::string_view id,
                            std::string_view peer) noexcept {
  note(why, std::array<LogField, 3>{{{"method", method}, {"id", id, true}, {"peer", peer}}});
}

void CallLog::certificate_unknown(std::string_view subject, std::string_view peer) noexcept {
  note("no client has this certificate",
       std::array<LogField, 2>{{{"certificate", subject, false, kSubjectBytesMax}, {"peer", peer}}});
}

void CallLog::note(std::string_view message, std::span<const LogField> fields) noexcept {
  try {
    lines_.note(message, fields, io_.now());
  } catch (const std::bad_alloc&) {
    // Out of memory: the line is left out.
  }
  report_in_time();
}

void CallLog::report_in_time() {
  if (const auto due = lines_.report_due(); due && !report_.linked()) io_.set_deadline(report_, *due);
}

void CallLog::Report::on_deadline(TimePoint now) {
  try {
    log.lines_.report(now);
  } catch (const std::bad_alloc&) {
    // The next line that is left out brings it up again.
  }
  // Another second may have begun, and been filled, just before.
  if (const auto due = log.lines_.report_due(); due && *due > now) log.io_.set_deadline(*this, *due);
}

}  // namespace sluice::core
