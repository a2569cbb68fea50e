#include "cli/message_cutter.hpp"

namespace sluice::client {

// Returns whether the value closed; scanned_ is then one past its last byte.
bool MessageCutter::scan() {
  while (scanned_ < pending_.size()) {
    const char c = pending_[scanned_++];
    if (escaped_) {
      escaped_ = false;
    } else if (in_string_) {
      escaped_ = c == '\\';
      in_string_ = c != '"';
    } else if (c == '"') {
      in_string_ = true;
    } else if (c == '{' || c == '[') {
      ++depth_;
    } else if ((c == '}' || c == ']') && --depth_ == 0) {
      return true;
    }
  }
  return false;
}

Result<std::optional<std::string>> MessageCutter::next() {
  if (scanned_ == 0) {
    pending_.erase(0, pending_.find_first_not_of(" \t\r\n"));
    if (pending_.empty()) return std::optional<std::string>();
    if (pending_[0] != '{' && pending_[0] != '[') return unreachable("the server's answer is not JSON-RPC");
  }
  if (!scan()) {
    if (pending_.size() > kMessageBytesMax) return unreachable("the server's answer is over 1 GiB");
    return std::optional<std::string>();
  }
  std::string message = pending_.substr(0, scanned_);
  pending_.erase(0, scanned_);
  scanned_ = 0;
  return std::optional<std::string>(std::move(message));
}

}  // namespace sluice::client
