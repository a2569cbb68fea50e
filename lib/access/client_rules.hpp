// What is asked of clients' settings, whether they come from a configuration file or from a program. Pure.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "lib/access/client_settings.hpp"
#include "lib/base/text_form.hpp"

namespace sluice::core {

inline constexpr std::size_t kPatternsMax = 1000;

// What a client is called: visible ASCII, without what would need quotes in a log line.
const TextForm& client_name_form();
const TextForm& token_digest_form();
// Of a certificate's subject.
const TextForm& subject_form();
// Of each method pattern, of which there are at most kPatternsMax.
const TextForm& method_pattern_form();

// A client, and which of its settings were given, under the names that they have in a configuration.
struct GivenClient {
  ClientSettings settings;
  std::set<std::string, std::less<>> keys;  // also those whose values don't fit
};

struct ClientProblem {
  std::size_t client = 0;  // its place among all
  std::string key;         // empty: the client as a whole
  std::string message;
};

// Clients without a name, with one that is taken, with a proof that another has or with none, and limits and
// methods that can't be meant together. Values that don't fit each for itself are not looked for.
std::vector<ClientProblem> client_problems(const std::vector<GivenClient>& clients);

// Throws std::invalid_argument with the first problem, of values or of what they mean together.
void check_clients(const std::vector<ClientSettings>& clients);

}  // namespace sluice::core
