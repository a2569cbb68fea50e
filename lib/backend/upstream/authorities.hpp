// Certificate authorities of upstreams.
#pragma once

#include <optional>
#include <string>

#include <boost/asio/ssl/context.hpp>

#include "lib/base/regular_file.hpp"
#include "lib/base/result.hpp"

namespace sluice::core {

// The text of a PEM file, which was found to hold nothing but good certificates.
Result<std::string, FileProblem> read_authorities(const std::string& file);

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
