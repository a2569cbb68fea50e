#include "cli/command_line_checks.hpp"

#include "cli/json_check.hpp"

namespace sluice::client {
namespace {

Result<void> check_operand_count(const CommandLine& line) {
  const std::size_t count = line.operands.size();
  switch (line.command) {
    case Command::call:
    case Command::notify:
      if (count == 0) return usage_error("METHOD is missing; see --help");
      return success();
    case Command::publish:
      if (count != 2) return usage_error("publish takes a TOPIC and one JSON; see --help");
      return success();
    case Command::subscribe:
      if (count == 0) return usage_error("TOPIC is missing; see --help");
      return success();
    case Command::describe:
      if (count != 1) return usage_error("describe takes one METHOD; see --help");
      return success();
    case Command::methods:
    case Command::bench:
      if (count != 0) return usage_error("unexpected '" + line.operands.front() + "'; see --help");
      return success();
    case Command::token:
      // A token among the arguments could be read by all users in the list of processes.
      if (count > 1 || (count == 1 && line.operands.front() != "-")) {
        return usage_error("token takes only -, to read one from stdin; see --help");
      }
      return success();
    case Command::batch:
      return success();
  }
  return success();
}

Result<void> check_tls(const CommandLine& line) {
  if (line.tls.certificate.empty() != line.tls.key.empty()) {
    return usage_error("--cert and --key go together: the certificate and its key");
  }
  // A user who gives them counts on TLS.
  if (line.tls.any() && !line.address.tls) {
    return usage_error("options of TLS, but " + line.address.text +
                       " has none: use tls://, https:// or wss://");
  }
  return success();
}

Result<void> check_filter(const SubscribeOptions& options) {
  if (options.filter.empty() || (options.filter.starts_with('{') && is_json(options.filter)))
    return success();
  return usage_error("--filter: must be a JSON object, as {\"/status\":\"paid\"}");
}

}  // namespace

Result<void> check_command_line(const CommandLine& line) {
  if (auto checked = check_operand_count(line); !checked) return checked;
  if (auto checked = check_filter(line.subscribe); !checked) return checked;
  return check_tls(line);
}

}  // namespace sluice::client
