// Adapter of a byte stream to what Boost.Beast reads and writes.
#pragma once

#include <optional>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/beast/core/role.hpp>
#include <boost/system/system_error.hpp>

#include "cli/byte_stream.hpp"

namespace sluice::client {

// A SyncStream over a ByteStream. Beast passes no limit: it is set before each operation. An error other than
// the end of the stream is connection_aborted, and failure() has the reason.
class BeastStream {
 public:
  using executor_type = boost::asio::io_context::executor_type;
  using error_code = boost::system::error_code;

  explicit BeastStream(std::unique_ptr<ByteStream> stream) : stream_(std::move(stream)) {}

  // Beast's WebSocket has a timer, which no synchronous operation starts.
  executor_type get_executor() noexcept { return context_.get_executor(); }

  ByteStream& bytes() { return *stream_; }
  void set_limit(const WaitLimit& limit) { limit_ = limit; }
  const std::optional<Failure>& failure() const { return failure_; }

  template <class Buffers>
  std::size_t read_some(const Buffers& buffers, error_code& error) {
    const boost::asio::mutable_buffer into = first<boost::asio::mutable_buffer>(buffers);
    error = {};
    if (into.size() == 0) return 0;
    const auto received = stream_->read_some({static_cast<char*>(into.data()), into.size()}, limit_);
    if (!received) return fail(received.error(), error);
    if (received.value() == 0) error = boost::asio::error::eof;
    return received.value();
  }

  template <class Buffers>
  std::size_t write_some(const Buffers& buffers, error_code& error) {
    const boost::asio::const_buffer from = first<boost::asio::const_buffer>(buffers);
    error = {};
    const auto sent = stream_->write({static_cast<const char*>(from.data()), from.size()}, limit_);
    if (!sent) return fail(sent.error(), error);
    return from.size();
  }

  // Those that throw belong to a SyncStream; no code here calls them.
  template <class Buffers>
  std::size_t read_some(const Buffers& buffers) {
    error_code error;
    const std::size_t bytes = read_some(buffers, error);
    if (error) throw boost::system::system_error(error);
    return bytes;
  }
  template <class Buffers>
  std::size_t write_some(const Buffers& buffers) {
    error_code error;
    const std::size_t bytes = write_some(buffers, error);
    if (error) throw boost::system::system_error(error);
    return bytes;
  }

  // What Beast's WebSocket does once it is closed; the byte stream's owner closes that.
  friend void teardown(boost::beast::role_type, BeastStream&, error_code& error) { error = {}; }
  friend void beast_close_socket(BeastStream&) {}

 private:
  // The first buffer that is not empty.
  template <class Buffer, class Buffers>
  static Buffer first(const Buffers& buffers) {
    for (auto each = boost::asio::buffer_sequence_begin(buffers);
         each != boost::asio::buffer_sequence_end(buffers); ++each) {
      if (const Buffer buffer(*each); buffer.size() > 0) return buffer;
    }
    return Buffer();
  }

  std::size_t fail(const Failure& failure, error_code& error) {
    failure_ = failure;
    error = boost::asio::error::connection_aborted;
    return 0;
  }

  boost::asio::io_context context_;
  std::unique_ptr<ByteStream> stream_;
  WaitLimit limit_{TimePoint::max()};
  std::optional<Failure> failure_;
};

}  // namespace sluice::client
