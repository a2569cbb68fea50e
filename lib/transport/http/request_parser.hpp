// HTTP/1.1 request parser: Beast's grammar, with this server's stricter rules.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include <boost/beast/http/basic_parser.hpp>

namespace sluice::core {

inline constexpr std::size_t kHttpHeaderBytesMax = 16 * 1024;    // request line and all headers
inline constexpr std::size_t kHttpChunkLineBytesMax = 4 * 1024;  // chunk line; the last one with trailers

// The parts of a request's head that are used here.
struct HttpRequestHead {
  std::string method;
  std::string target;
  std::string host;
  std::string origin;
  std::string content_type;
  std::string authorization;
  std::string timeout_ms;   // Sluice-Timeout-Ms
  std::string traceparent;  // also empty if there are several
  std::string websocket_key;
  std::string websocket_version;
  std::string subprotocols;      // Sec-WebSocket-Protocol; several are joined
  std::string content_encoding;  // likewise
  std::string last_event_id;
  bool http11 = false;
  bool has_host = false;
  bool has_origin = false;
  bool has_timeout_ms = false;
  bool names_websocket = false;    // in Upgrade
  bool upgrade_websocket = false;  // and listed in Connection
  bool has_body = false;
  bool expects_continue = false;
  bool accepts_events = false;  // text/event-stream is among the accepted types
  bool expects_other = false;   // an expectation that this server does not know
  bool keep_alive = false;
};

// Parses one request; create a new one for the next. Ambiguous requests are refused: two lengths, a length
// beside Transfer-Encoding, an encoding other than chunked, folded lines, bare CR or LF, two Hosts. Not
// thread-safe.
class HttpRequestParser final : private boost::beast::http::basic_parser<true> {
 public:
  enum class Status : std::uint8_t {
    need_more,
    complete,
    bad_request,  // the next request can't be found
    header_too_large,
    body_too_large,
    unsupported,  // a Transfer-Encoding that is not supported
  };
  struct Progress {
    Status status = Status::need_more;
    std::size_t consumed = 0;
    bool stopped = false;  // stopped before the window's end, after parts_max parts
  };

  // `body` is the buffer for the body.
  HttpRequestParser(std::size_t body_bytes_max, std::string body);

  // Continues with the window, which starts where the last call's `consumed` ended.
  // A head, a chunk's line and a piece of the body are parts.
  Progress parse(std::string_view window, std::size_t parts_max = std::numeric_limits<std::size_t>::max());

  bool begun() const { return got_some(); }
  bool header_done() const { return header_done_; }
  // Complete once header_done().
  const HttpRequestHead& head() const { return head_; }
  // The part received so far; complete at the end. Chunks are joined.
  std::string& body() { return body_; }
  // The rest of the body is dropped.
  void discard_body() { keep_body_ = false; }

 private:
  using string_view = boost::beast::string_view;
  using error_code = boost::beast::error_code;
  using field = boost::beast::http::field;

  void on_request_impl(boost::beast::http::verb, string_view method, string_view target, int version,
                       error_code&) override;
  void on_response_impl(int, string_view, int, error_code&) override {}
  void on_field_impl(field name, string_view name_text, string_view value, error_code& error) override;
  void on_header_impl(error_code& error) override;
  void on_body_init_impl(const boost::optional<std::uint64_t>& content_length, error_code&) override;
  std::size_t on_body_impl(string_view piece, error_code&) override;
  void on_chunk_header_impl(std::uint64_t, string_view extensions, error_code& error) override;
  std::size_t on_chunk_body_impl(std::uint64_t, string_view piece, error_code&) override;
  void on_finish_impl(error_code&) override {}

  Progress parse_part(std::string_view window);
  bool too_long(bool in_header, std::size_t consumed, std::size_t waiting);
  bool folded(string_view name, string_view value) const;
  void note(std::string& member, string_view value, bool& seen, error_code& error);
  static void join(std::string& member, string_view value);
  void note_trace(string_view value);
  void note_framing(field name, string_view value, error_code& error);
  Status status_of(const error_code& error) const;

  HttpRequestHead head_;
  std::string body_;
  std::string_view window_;  // being parsed
  std::size_t header_bytes_ = 0;
  bool header_done_ = false;
  bool keep_body_ = true;
  bool chunk_line_ = false;  // a chunk line was just parsed
  bool has_content_length_ = false;
  bool has_transfer_encoding_ = false;
  bool has_content_type_ = false;
  bool has_authorization_ = false;
  bool has_traceparent_ = false;
  bool has_websocket_key_ = false;
  bool has_websocket_version_ = false;
  bool unsupported_ = false;
};

}  // namespace sluice::core
