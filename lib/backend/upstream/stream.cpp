#include "lib/backend/upstream/stream.hpp"

#include <openssl/x509v3.h>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/ssl/error.hpp>

namespace sluice::core {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using Tcp = asio::ip::tcp;

// RFC 9525: the certificate names its servers in subjectAltName alone, and an address is not a name. A
// wildcard is the whole first label.
bool expect_host(SSL* tls, const UpstreamUrl& url) {
  X509_VERIFY_PARAM* const expected = SSL_get0_param(tls);
  X509_VERIFY_PARAM_set_hostflags(expected,
                                  X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  if (url.is_literal()) return X509_VERIFY_PARAM_set1_ip_asc(expected, url.host.c_str()) == 1;
  const std::string name(url.name_in_tls());
  // A server that has several certificates has to know which name is asked for; addresses are not allowed
  // there.
  return X509_VERIFY_PARAM_set1_host(expected, name.c_str(), name.size()) == 1 &&
         SSL_set_tlsext_host_name(tls, name.c_str()) == 1;
}

constexpr const char* kFlood = "too many TLS records without data";

// Why the peer's certificate was refused; empty where it was not.
std::string refusal_of(SSL* tls) {
  const long result = SSL_get_verify_result(tls);
  return result == X509_V_OK ? std::string() : X509_verify_cert_error_string(result);
}

}  // namespace

void UpstreamStream::dial(std::chrono::milliseconds limit, Done done) {
  if (!url_.socket_path.empty()) {
    return connect({asio::local::stream_protocol::endpoint(url_.socket_path)}, limit, std::move(done));
  }
  error_code error;
  const auto address = asio::ip::make_address(url_.host, error);
  if (!error) return connect({Tcp::endpoint(address, url_.port)}, limit, std::move(done));
  lookup_.start(
      url_.host, url_.port,
      [this, limit, done = std::move(done)](error_code failure, std::vector<Endpoint> found) mutable {
        if (failure) return done(failure);
        connect(std::move(found), limit, std::move(done));
      });
}

void UpstreamStream::connect(std::vector<Endpoint> endpoints, std::chrono::milliseconds limit, Done done) {
  if (closed_) return done(asio::error::operation_aborted);
  race_.start(std::move(endpoints), limit,
              [this, done = std::move(done)](error_code error, Socket connected) mutable {
                if (!error && closed_) error = asio::error::operation_aborted;
                if (error) return done(error);
                socket_ = std::move(connected);
                if (url_.socket_path.empty()) socket_.set_option(Tcp::no_delay(true), error);
                if (!url_.tls) return done(error_code());
                shake_hands(std::move(done));
              });
}

void UpstreamStream::shake_hands(Done done) {
  error_code error;
  asio::ssl::context* const context = authorities_->context(error);
  if (context == nullptr) return done(error);
  tls_.emplace(socket_, *context);
  SSL* const tls = tls_->native_handle();
  if (!expect_host(tls, url_)) return done(asio::error::no_memory);
  sessions_->use(tls);
  SSL_set_msg_callback(tls, on_protocol);
  SSL_set_msg_callback_arg(tls, this);
  tls_->async_handshake(asio::ssl::stream_base::client, [this, done = std::move(done)](error_code failure) {
    if (failure) problem_ = flooded_ ? kFlood : refusal_of(tls_->native_handle());
    done(failure);
  });
}

// OpenSSL looks for data until there is some, and nothing else on the thread runs meanwhile. Once it
// believes that the peer has ended, it stops at the next record.
void UpstreamStream::on_protocol(int outgoing, int, int type, const void*, std::size_t, SSL* connection,
                                 void* stream) {
  if (outgoing != 0 || type != SSL3_RT_HEADER) return;
  auto& self = *static_cast<UpstreamStream*>(stream);
  if (!self.established_ && SSL_is_init_finished(connection) == 1) {
    self.established_ = true;
    self.idle_records_.establish();
  }
  if (self.idle_records_.take(self.established_)) return;
  self.flooded_ = true;
  SSL_set_shutdown(connection, SSL_RECEIVED_SHUTDOWN);
}

void UpstreamStream::note_read(error_code error, std::size_t bytes) {
  if (tls_ && bytes > 0) idle_records_.take_data(bytes);
  if (error && flooded_) problem_ = kFlood;
  if (on_read_) on_read_(bytes);
}

void UpstreamStream::close(bool abrupt) {
  closed_ = true;
  error_code ignored;
  if (abrupt) socket_.set_option(asio::socket_base::linger(true, 0), ignored);
  lookup_.cancel();
  race_.cancel();
  socket_.close(ignored);
}

}  // namespace sluice::core
