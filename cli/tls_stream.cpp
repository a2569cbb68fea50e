#include "cli/tls_stream.hpp"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

#include "cli/socket_stream.hpp"

namespace sluice::client {
namespace {

// The reason of OpenSSL's last error; `otherwise` where it gives none.
std::string last_reason(const char* otherwise) {
  const char* const reason = ERR_reason_error_string(ERR_peek_last_error());
  return reason != nullptr ? reason : otherwise;
}

Failure unusable(const char* option, const std::string& file) {
  const unsigned long error = ERR_peek_last_error();
  const char* const text = ERR_GET_LIB(error) == ERR_LIB_SYS ? std::strerror(ERR_GET_REASON(error))
                                                             : ERR_reason_error_string(error);
  return usage_error(std::string(option) + " " + file + ": " + (text != nullptr ? text : "cannot be used"));
}

// A prompt for it would stop scripts.
int no_passphrase(char*, int, int, void*) { return 0; }

// RFC 9525: the certificate names its servers in subjectAltName alone, and an address is not a name.
bool expect_host(SSL* tls, const std::string& host) {
  X509_VERIFY_PARAM* const expected = SSL_get0_param(tls);
  X509_VERIFY_PARAM_set_hostflags(expected,
                                  X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  if (X509_VERIFY_PARAM_set1_ip_asc(expected, host.c_str()) == 1) return true;
  ERR_clear_error();
  return X509_VERIFY_PARAM_set1_host(expected, host.c_str(), host.size()) == 1 &&
         SSL_set_tlsext_host_name(tls, host.c_str()) == 1;
}

}  // namespace

Result<TlsStream::Context> TlsStream::make_context(const TlsOptions& options) {
  Context context(SSL_CTX_new(TLS_client_method()));
  if (!context) return unreachable("TLS cannot be used: " + last_reason("out of memory"));
  SSL_CTX* const made = context.get();
  SSL_CTX_set_min_proto_version(made, TLS1_2_VERSION);
  SSL_CTX_set_mode(made, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_default_passwd_cb(made, no_passphrase);
  SSL_CTX_set_verify(made, options.insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, nullptr);
  if (options.authorities.empty()) {
    SSL_CTX_set_default_verify_paths(made);
  } else if (SSL_CTX_load_verify_file(made, options.authorities.c_str()) != 1) {
    return unusable("--ca", options.authorities);
  }
  if (!options.certificate.empty()) {
    if (SSL_CTX_use_certificate_chain_file(made, options.certificate.c_str()) != 1)
      return unusable("--cert", options.certificate);
    if (SSL_CTX_use_PrivateKey_file(made, options.key.c_str(), SSL_FILETYPE_PEM) != 1)
      return unusable("--key", options.key);
  }
  ERR_clear_error();
  return context;
}

Result<std::unique_ptr<TlsStream>> TlsStream::open(const Address& address, const TlsOptions& options,
                                                   const WaitLimit& limit) {
  Result<Context> context = make_context(options);
  if (!context) return context.error();
  Result<core::Descriptor> fd = connect_to(address, limit);
  if (!fd) return fd.error();
  std::unique_ptr<TlsStream> stream(new TlsStream(std::move(fd).value(), address.text));
  if (auto started = stream->start(context.value().get(), address, limit); !started) return started.error();
  return stream;
}

Result<void> TlsStream::start(SSL_CTX* context, const Address& address, const WaitLimit& limit) {
  reset_on_close(fd_.get(), true);
  tls_.reset(SSL_new(context));
  if (!tls_ || SSL_set_fd(tls_.get(), fd_.get()) != 1 || !expect_host(tls_.get(), address.host)) {
    return unreachable("cannot connect to " + address_ + ": TLS: " + last_reason("out of memory"));
  }
  return shake_hands(limit);
}

Result<void> TlsStream::shake_hands(const WaitLimit& limit) {
  while (true) {
    ERR_clear_error();
    errno = 0;
    const int result = SSL_connect(tls_.get());
    if (result == 1) return success();
    const int need = SSL_get_error(tls_.get(), result);
    if (need != SSL_ERROR_WANT_READ && need != SSL_ERROR_WANT_WRITE) {
      return unreachable("cannot connect to " + address_ + ": TLS handshake: " + problem(result));
    }
    if (auto waited = wait(result, limit); !waited) return waited;
  }
}

// Why there is no TLS; the certificate's fault before what follows from it.
std::string TlsStream::problem(int result) const {
  const long verified = SSL_get_verify_result(tls_.get());
  if (verified != X509_V_OK && SSL_get_verify_mode(tls_.get()) != SSL_VERIFY_NONE) {
    return std::string("the server's certificate: ") + X509_verify_cert_error_string(verified);
  }
  if (SSL_get_error(tls_.get(), result) == SSL_ERROR_SYSCALL && errno != 0) return std::strerror(errno);
  return last_reason("the server closed the connection");
}

Result<void> TlsStream::wait(int result, const WaitLimit& limit) {
  const int need = SSL_get_error(tls_.get(), result);
  if (need == SSL_ERROR_WANT_READ || need == SSL_ERROR_WANT_WRITE) {
    if (wait_for(fd_.get(), need == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, limit)) return success();
    return unreachable("timed out waiting for " + address_);
  }
  return unreachable("lost the connection to " + address_ + ": " + problem(result));
}

Result<std::size_t> TlsStream::read_some(std::span<char> into, const WaitLimit& limit) {
  while (true) {
    ERR_clear_error();
    errno = 0;
    const int received =
        SSL_read(tls_.get(), into.data(), static_cast<int>(std::min<std::size_t>(into.size(), INT_MAX)));
    if (received > 0) return static_cast<std::size_t>(received);
    if (SSL_get_error(tls_.get(), received) == SSL_ERROR_ZERO_RETURN) return std::size_t{0};
    if (auto waited = wait(received, limit); !waited) return waited.error();
  }
}

Result<void> TlsStream::write(std::string_view bytes, const WaitLimit& limit) {
  while (!bytes.empty()) {
    ERR_clear_error();
    errno = 0;
    const int sent =
        SSL_write(tls_.get(), bytes.data(), static_cast<int>(std::min<std::size_t>(bytes.size(), INT_MAX)));
    if (sent > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (auto waited = wait(sent, limit); !waited) {
      return waited;
    }
  }
  return success();
}

// TLS's close_notify is its half-close.
void TlsStream::finish_sending() { SSL_shutdown(tls_.get()); }

void TlsStream::close_normally() {
  closes_normally_ = true;
  reset_on_close(fd_.get(), false);
}

TlsStream::~TlsStream() {
  if (closes_normally_ && tls_) SSL_shutdown(tls_.get());
}

}  // namespace sluice::client
