#include "lib/backend/upstream_stream.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>

namespace sluice::core {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using Tcp = asio::ip::tcp;

}  // namespace

void UpstreamStream::dial(Done done) {
  if (!url_.socket_path.empty()) {
    return connect({asio::local::stream_protocol::endpoint(url_.socket_path)}, std::move(done));
  }
  error_code error;
  const auto address = asio::ip::make_address(url_.host, error);
  if (!error) return connect({Tcp::endpoint(address, url_.port)}, std::move(done));
  lookup_.start(url_.host, url_.port,
                [this, done = std::move(done)](error_code failure, std::vector<Endpoint> found) mutable {
                  if (failure) return done(failure);
                  connect(std::move(found), std::move(done));
                });
}

void UpstreamStream::connect(std::vector<Endpoint> endpoints, Done done) {
  // It would open the socket again.
  if (closed_) return done(asio::error::operation_aborted);
  asio::async_connect(socket_, endpoints,
                      [this, done = std::move(done)](error_code error, const Endpoint&) mutable {
                        if (!error && closed_) error = asio::error::operation_aborted;
                        if (error) return done(error);
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
  // A server that has several certificates has to be told whose is asked for; addresses are no names there.
  if (!url_.is_literal() && SSL_set_tlsext_host_name(tls_->native_handle(), url_.host.c_str()) != 1) {
    return done(asio::error::no_memory);
  }
  tls_->set_verify_callback(asio::ssl::host_name_verification(url_.host), error);
  if (error) return done(error);
  tls_->async_handshake(asio::ssl::stream_base::client,
                        [done = std::move(done)](error_code failure) { done(failure); });
}

void UpstreamStream::close(bool abrupt) {
  closed_ = true;
  error_code ignored;
  if (abrupt) socket_.set_option(asio::socket_base::linger(true, 0), ignored);
  lookup_.cancel();
  socket_.close(ignored);
}

}  // namespace sluice::core
