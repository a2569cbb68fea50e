// What is asked of [[client]] entries beyond the form of their values.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/config_precheck.hpp"
#include "lib/server/settings.hpp"

namespace sluice::daemon {

// One entry as it was read, and where its parts stand in the file.
struct ClientEntry {
  core::ClientSettings settings;
  TextPlace where;
  std::map<std::string, TextPlace, std::less<>> keys;  // all that were given, also those that don't fit
};

struct ClientMistake {
  TextPlace where;
  std::string message;
};

// Entries without a name, with one that is taken, with a proof that another has or with none, and limits and
// methods that can't be meant. Pure.
std::vector<ClientMistake> client_mistakes(const std::vector<ClientEntry>& entries);

}  // namespace sluice::daemon
