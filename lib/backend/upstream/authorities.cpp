#include "lib/backend/upstream/authorities.hpp"

#include <boost/asio/buffer.hpp>

#include "lib/backend/upstream/sessions.hpp"
#include "lib/transport/tls/pem_file.hpp"

namespace sluice::core {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

// TLS 1.2 and 1.3, and only peers with a signed certificate.
error_code prepare(asio::ssl::context& context, const std::string& pem) {
  error_code error;
  context.set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_tlsv1 |
                          asio::ssl::context::no_tlsv1_1 | asio::ssl::context::no_compression,
                      error);
  if (error) return error;
  context.set_verify_mode(asio::ssl::verify_peer, error);
  if (error) return error;
  UpstreamSessions::enable(context.native_handle());
  pem.empty() ? context.set_default_verify_paths(error)
              : context.add_certificate_authority(asio::buffer(pem), error);
  return error;
}

}  // namespace

Result<std::string, FileProblem> read_authorities(const std::string& file) {
  std::string text;
  if (auto read = read_pem_file(file, text); !read) return std::move(read).error();
  if (auto certificates = read_certificates(text); !certificates) return std::move(certificates).error();
  return text;
}

asio::ssl::context* UpstreamAuthorities::context(error_code& error) {
  if (context_) return &*context_;
  context_.emplace(asio::ssl::context::tls_client);
  error = prepare(*context_, pem_);
  if (error) context_.reset();
  return context_ ? &*context_ : nullptr;
}

}  // namespace sluice::core
