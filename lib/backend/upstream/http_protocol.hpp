// JSON-RPC over HTTP/1.1.
#pragma once

#include <optional>
#include <string>

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "lib/backend/upstream/protocol.hpp"

namespace sluice::core {

// A POST for each call, one at a time: with pipelining it is unknown what has run when the connection is cut.
// It always reads, so that a server's closing an idle connection is seen before a call is sent into it, and
// uses a connection no longer than its server announces. The response to a call without a waiting client any
// more is read and dropped, if it comes soon and is short.
class HttpProtocol final : public UpstreamProtocol {
 public:
  HttpProtocol(UpstreamChannel& channel, UpstreamStream& stream) : UpstreamProtocol(channel, stream) {}

 private:
  static constexpr std::uint32_t kHeadBytesMax = 16 * 1024;  // of a response
  // What has come and not been dealt with: a chunk's size line or the trailers, which have no other bound.
  static constexpr std::size_t kInputBytesMax = 128 * 1024;
  static constexpr unsigned kInterimMax = 16;                  // 1xx responses before a call's own
  static constexpr auto kSkipTime = seconds(1);                // for a response that is dropped
  static constexpr std::size_t kSkippedBytesMax = 256 * 1024;  // of one
  // Past it, an end of the connection says more about the call than about the connection.
  static constexpr auto kUnreadTime = seconds(1);
  static constexpr auto kClosingTime = seconds(1);  // before an announced end no call is sent any more
  using Parser = boost::beast::http::response_parser<boost::beast::http::string_body>;

  void begin() override;
  void write(UpstreamAttempt& attempt, const ActiveCall& call) override;
  void write_cancel(const UpstreamAttempt&) override;
  std::size_t capacity() const override { return skipping_ || hub().now() >= usable_until_ ? 0 : 1; }
  IdleLimit idle_limit() const override;
  bool answers_notifications() const override { return true; }
  bool unnamed_error_fails() const override;

  std::string head_of(const ActiveCall& call, std::size_t body_bytes) const;
  void on_written(boost::system::error_code error, std::size_t bytes);
  void read_response();
  void on_response(boost::system::error_code error, std::size_t bytes);
  void on_broken(boost::system::error_code error);
  void count_skipped(std::size_t bytes);
  bool note_keep_alive();
  bool never_read(const UpstreamAttempt& attempt) const;
  std::string start_of_input() const;
  bool closes_unasked(unsigned status) const;
  void take_interim(unsigned status);
  void take_response(UpstreamAttempt& attempt, unsigned status, const std::string& body);

  std::string body_;
  std::string head_;
  boost::beast::flat_buffer input_{kInputBytesMax};
  std::optional<Parser> parser_;  // of the response that is awaited
  unsigned interims_ = 0;         // of the present call
  bool notification_ = false;     // the present call is one
  bool writing_ = false;
  bool skipping_ = false;          // what comes is for a call that was stopped
  std::size_t skipped_bytes_ = 0;  // of that
  TimePoint usable_until_ = TimePoint::max();
};

}  // namespace sluice::core
