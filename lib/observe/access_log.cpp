#include "lib/observe/access_log.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "lib/observe/log.hpp"
#include "proto/error.hpp"

namespace sluice::core {
namespace {

using Level = spdlog::level::level_enum;

constexpr auto kWindow = std::chrono::seconds(1);

std::string_view message_of(Level level) {
  if (level == Level::warn) return "slow call";
  return level == Level::info ? "failed call" : "call";
}

std::string milliseconds_text(std::chrono::nanoseconds duration) {
  return fmt::format("{:.3f}", std::chrono::duration<double, std::milli>(duration).count());
}

// The trace id of a W3C traceparent (00-<32 hex digits>-...); empty for any other text.
std::string_view trace_id(std::string_view traceparent) {
  constexpr std::size_t kBegin = 3;
  constexpr std::size_t kDigits = 32;
  if (traceparent.size() < kBegin + kDigits || traceparent[kBegin - 1] != '-') return {};
  const std::string_view id = traceparent.substr(kBegin, kDigits);
  return id.find_first_not_of("0123456789abcdef") == std::string_view::npos ? id : std::string_view();
}

// The fields of one line, up to a fixed number.
class Fields {
 public:
  void add(const LogField& field) {
    if (!field.value.empty()) fields_[count_++] = field;
  }
  void add(std::string_view name, std::string_view value, bool json = false) { add({name, value, json}); }
  void add_number(std::string_view name, std::string value) {
    std::string& kept = numbers_[numbers_count_++];
    kept = std::move(value);
    add(name, kept, true);
  }
  std::span<const LogField> all() const { return std::span(fields_).first(count_); }

 private:
  std::array<LogField, 11> fields_;
  std::array<std::string, 6> numbers_;
  std::size_t count_ = 0;
  std::size_t numbers_count_ = 0;
};

void add_caller(Fields& fields, const AccessEntry& entry) {
  fields.add("method", entry.method);
  fields.add("id", entry.id, true);
  fields.add("client", entry.client);
  fields.add("peer", entry.peer);
}

void add_times(Fields& fields, const AccessEntry& entry) {
  fields.add_number("took_ms", milliseconds_text(entry.took));
  if (!entry.ran) return;
  fields.add_number("queue_ms", milliseconds_text(entry.ran->queue));
  fields.add_number("run_ms", milliseconds_text(entry.ran->run));
}

}  // namespace

Level error_level(std::int64_t code) {
  switch (static_cast<proto::ErrorCode>(code)) {
    case proto::ErrorCode::internal_error:
    case proto::ErrorCode::timed_out:
    case proto::ErrorCode::backend_unavailable:
      return Level::info;
    default:
      return Level::debug;
  }
}

std::optional<TimePoint> AccessLog::report_due() const {
  return left_out_ == 0 ? std::nullopt : std::optional(second_ + kWindow);
}

void AccessLog::report(TimePoint now) {
  if (left_out_ == 0 || now < second_ + kWindow) return;
  spdlog::warn("{} lines about slow or failed calls were left out", left_out_);
  left_out_ = 0;
}

bool AccessLog::within_bounds(TimePoint now) {
  if (now >= second_ + kWindow) {
    report(now);
    second_ = now;
    lines_ = 0;
  }
  if (lines_ < kLinesPerSecond) {
    ++lines_;
    return true;
  }
  ++left_out_;
  return false;
}

void AccessLog::write_line(Level level, const AccessEntry& entry, TimePoint now) {
  if (level > Level::debug && !within_bounds(now)) return;
  Fields fields;
  add_caller(fields, entry);
  fields.add_number("code", std::to_string(entry.code));
  add_times(fields, entry);
  fields.add_number("request_bytes", std::to_string(entry.request_bytes));
  fields.add_number("reply_bytes", std::to_string(entry.reply_bytes));
  fields.add("trace_id", trace_id(entry.traceparent));
  log_fields(level, message_of(level), fields.all());
}

void AccessLog::write_late(const AccessEntry& entry) {
  Fields fields;
  add_caller(fields, entry);
  add_times(fields, entry);
  fields.add("trace_id", trace_id(entry.traceparent));
  log_fields(Level::debug, "handler returned late", fields.all());
}

void AccessLog::note(std::string_view message, std::span<const LogField> values, TimePoint now) {
  if (!log_enabled(Level::info) || !within_bounds(now)) return;
  Fields fields;
  for (const LogField& value : values) fields.add(value);
  log_fields(Level::info, message, fields.all());
}

}  // namespace sluice::core
