// Certificate authorities of upstreams.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include <boost/asio/ssl/context.hpp>

namespace sluice::core {

// What can't be used of a file, in words that go on from its name.
struct AuthoritiesProblem {
  std::string what;
};

// The text of a PEM file, which was found to hold nothing but good certificates.
std::variant<std::string, AuthoritiesProblem> read_authorities(const std::string& file);

// Prepares them when the first connection needs them, and again as long as that fails. Backends' thread
// only.
class UpstreamAuthorities {
 public:
  // `pem`: see read_authorities(); empty: the system's.
  explicit UpstreamAuthorities(std::string pem) : pem_(std::move(pem)) {}
  // Null where they can't be used.
  boost::asio::ssl::context* context(boost::system::error_code& error);
  // They are read again for the next connection: the system's may have changed.
  void renew() { context_.reset(); }

 private:
  const std::string pem_;
  std::optional<boost::asio::ssl::context> context_;
};

}  // namespace sluice::core
