// Validation of clients' settings, from a configuration file or from a program. Pure.
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

// Form of a client's name: visible ASCII, without characters that would need quotes in a log line.
const TextForm& client_name_form();
const TextForm& token_digest_form();
// Form of a certificate's subject.
const TextForm& subject_form();
// Form of a method pattern. A client has at most kPatternsMax.
const TextForm& method_pattern_form();
// Form of a topic pattern. A client has at most kPatternsMax of each right.
const TextForm& topic_pattern_form();

// A client, with the configuration keys that were given.
struct GivenClient {
  ClientSettings settings;
  std::set<std::string, std::less<>> keys;  // includes keys with invalid values
};

struct ClientProblem {
  std::size_t client = 0;  // its index in the list
  std::string key;         // empty: the problem concerns the client as a whole
  std::string message;
};

// Finds clients without a name, with a duplicate name, with the credential of another client or without one,
// and contradictory limits and methods. Does not check whether each value by itself is valid.
std::vector<ClientProblem> client_problems(const std::vector<GivenClient>& clients);

// Throws std::invalid_argument for the first problem, in a value or in their combination.
void check_clients(const std::vector<ClientSettings>& clients);

}  // namespace sluice::core
