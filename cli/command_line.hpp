// Command line of sluice: the command, its words and options.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "cli/address.hpp"
#include "cli/bench_options.hpp"
#include "cli/request.hpp"
#include "cli/subscribe_options.hpp"
#include "cli/tls_options.hpp"

namespace sluice::client {

enum class Command { call, notify, batch, publish, subscribe, methods, describe, bench, token };

// The parsed command line. Operands are the words after ADDRESS, as they are; each
// command knows what it makes of them.
struct CommandLine {
  Command command = Command::call;
  Address address;
  std::vector<std::string> operands;
  std::chrono::nanoseconds
      timeout{};  // for the whole command, or a connection of subscribe until it is accepted
  CallSettings settings;
  TlsOptions tls;
  std::string token;  // what each connection authenticates with; empty: nothing
  SubscribeOptions subscribe;
  BenchOptions bench;

  // Whether messages of the server's own are wanted, which HTTP carries in an event stream.
  bool wants_stream() const { return settings.notes || command == Command::subscribe; }
};

}  // namespace sluice::client
