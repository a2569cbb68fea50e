// Upstream stream: bytes to and from an upstream, in plain text or TLS.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/async_result.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/role.hpp>

#include "lib/backend/upstream/authorities.hpp"
#include "lib/backend/upstream/name_lookup.hpp"
#include "lib/backend/upstream/sessions.hpp"
#include "lib/backend/upstream/staggered_connect.hpp"
#include "lib/backend/upstream/url.hpp"
#include "lib/base/idle_records.hpp"

namespace sluice::core {

// A socket and, if it has to be, TLS around it. Fulfils Asio's and Beast's AsyncReadStream and
// AsyncWriteStream. It has to outlive its operations; close() ends them soon. Backends' thread only.
class UpstreamStream {
 public:
  using executor_type = boost::asio::any_io_executor;
  using Done = std::function<void(boost::system::error_code)>;

  UpstreamStream(boost::asio::io_context& context, UpstreamUrl url,
                 std::shared_ptr<UpstreamAuthorities> authorities, std::shared_ptr<UpstreamSessions> sessions)
      : url_(std::move(url)),
        authorities_(std::move(authorities)),
        sessions_(std::move(sessions)),
        lookup_(context),
        race_(context),
        socket_(context) {}

  const UpstreamUrl& url() const { return url_; }

  // Resolves the name, connects to the first of its addresses that answers, and shakes hands; the peer's
  // certificate has to be for the URL's host. `limit`: what its owner waits for that. Calls `done` once,
  // unless it throws.
  void dial(std::chrono::milliseconds limit, Done done);
  // What was wrong with the peer's certificate where dial() failed for that, or with what it sent where TLS
  // was ended for that; else empty.
  const std::string& problem() const { return problem_; }
  // What is under way ends with an error, as soon as the event loop comes to it. May be called again.
  // `abrupt` resets the connection: servers that take the end of what they read for the end of what they are
  // asked go on with it otherwise.
  void close(bool abrupt = false);

  // Gets the size of each read, before the reader does: a part never gets to the reader.
  void on_read(std::function<void(std::size_t)> handler) { on_read_ = std::move(handler); }

  executor_type get_executor() { return socket_.get_executor(); }

  template <typename Buffers, typename Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, void(boost::system::error_code, std::size_t)>(
        [this](auto handler, const Buffers& into) {
          auto notify = [this, handler = std::move(handler)](boost::system::error_code error,
                                                             std::size_t bytes) mutable {
            note_read(error, bytes);
            handler(error, bytes);
          };
          if (tls_) {
            tls_->async_read_some(into, std::move(notify));
          } else {
            socket_.async_read_some(into, std::move(notify));
          }
        },
        token, buffers);
  }

  template <typename Buffers, typename Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, void(boost::system::error_code, std::size_t)>(
        [this](auto handler, const Buffers& from) {
          if (tls_) {
            tls_->async_write_some(from, std::move(handler));
          } else {
            socket_.async_write_some(from, std::move(handler));
          }
        },
        token, buffers);
  }

 private:
  using Socket = boost::asio::generic::stream_protocol::socket;
  using Endpoint = boost::asio::generic::stream_protocol::endpoint;

  // What OpenSSL calls for each record and message.
  static void on_protocol(int outgoing, int version, int type, const void* bytes, std::size_t size,
                          SSL* connection, void* stream);

  void connect(std::vector<Endpoint> endpoints, std::chrono::milliseconds limit, Done done);
  void shake_hands(Done done);
  void note_read(boost::system::error_code error, std::size_t bytes);

  const UpstreamUrl url_;
  const std::shared_ptr<UpstreamAuthorities> authorities_;
  const std::shared_ptr<UpstreamSessions> sessions_;  // outlives `tls_`
  NameLookup lookup_;
  StaggeredConnect race_;
  Socket socket_;
  std::optional<boost::asio::ssl::stream<Socket&>> tls_;
  IdleRecords idle_records_;
  bool established_ = false;  // TLS, as far as records tell
  bool flooded_ = false;      // with records that bring no data
  std::function<void(std::size_t)> on_read_;
  std::string problem_;
  bool closed_ = false;
};

// Beast ends a WebSocket by these; in the second, both sides have said goodbye.
inline void beast_close_socket(UpstreamStream& stream) { stream.close(); }
template <typename Handler>
void async_teardown(boost::beast::role_type, UpstreamStream& stream, Handler&& handler) {
  stream.close();
  boost::asio::post(stream.get_executor(), [handler = std::forward<Handler>(handler)]() mutable {
    handler(boost::system::error_code());
  });
}

}  // namespace sluice::core
