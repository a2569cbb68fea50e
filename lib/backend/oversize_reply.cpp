#include "lib/backend/oversize_reply.hpp"

#include <algorithm>

#include "proto/reply.hpp"

namespace sluice::core {
namespace {

using Status = proto::MessageScanner::Status;

constexpr std::string_view kIdKey = R"("id")";

std::string_view without_trailing_space(std::string_view text) {
  return text.substr(0, text.find_last_not_of(" \t\r") + 1);
}

// Of members with which a valid object ends: they are its own, and no deeper ones, where they make an object
// by themselves.
std::optional<std::uint32_t> id_of_members(std::string_view members) {
  std::string object = "{";
  object += members;
  proto::MessageScanner scanner;
  if (scanner.scan(object) != Status::complete || scanner.position() != object.size()) return std::nullopt;
  return proto::read_reply_id(object, scanner.message().single);
}

}  // namespace

std::optional<std::uint32_t> OversizeReply::begin(std::string_view start) {
  scanner_.reset();
  tail_.clear();
  const Status status = scanner_.scan(start);
  const auto id = proto::read_reply_id(start, scanner_.message().single);
  complete_ = false;
  searching_ = !id && status == Status::incomplete;
  scanner_.stop_capturing();
  return id;
}

void OversizeReply::feed(std::string_view piece) {
  if (!searching_) return;
  tail_ += piece.substr(piece.size() - std::min(piece.size(), kTailBytes));
  if (tail_.size() > kTailBytes) tail_.erase(0, tail_.size() - kTailBytes);
  if (complete_) {
    searching_ = without_trailing_space(piece).empty();
    return;
  }
  const Status status = scanner_.scan(piece);
  complete_ = status == Status::complete;
  if (complete_) piece.remove_prefix(scanner_.position());
  searching_ = status == Status::incomplete || (complete_ && without_trailing_space(piece).empty());
}

std::optional<std::uint32_t> OversizeReply::end() {
  if (!searching_ || !complete_) return std::nullopt;
  searching_ = false;
  const std::string_view tail = without_trailing_space(tail_);
  for (std::size_t at = tail.rfind(kIdKey); at != std::string_view::npos && at > 0;
       at = tail.rfind(kIdKey, at - 1)) {
    // A quote that is escaped begins no name.
    if (tail[at - 1] == '\\') continue;
    if (const auto id = id_of_members(tail.substr(at))) return id;
  }
  return std::nullopt;
}

}  // namespace sluice::core
