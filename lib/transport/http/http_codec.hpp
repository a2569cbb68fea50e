// HTTP/1.1 codec: one JSON-RPC message a request, answered in the order of the requests.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/transport/codec.hpp"
#include "lib/transport/http/event_stream.hpp"
#include "lib/transport/http/request_parser.hpp"
#include "lib/transport/http/rules.hpp"
#include "lib/transport/whole_message.hpp"

namespace sluice::core {

// Pipelined requests are accepted while earlier ones run; a response waits for those before it. A request
// whose end can't be found ends the connection; any other refusal leaves it open.
class HttpCodec final : public Codec {
 public:
  explicit HttpCodec(CodecHost& host);

  Step next(std::string_view window) override;
  void finish(std::string_view) override {}
  void reply(std::uint64_t exchange, std::string& reply, std::int64_t code) override;
  bool takes_events() const override { return streaming_ == Streaming::asked; }
  void send_event(const EventMessage& message) override;
  bool has_event_heartbeat() const override { return true; }
  void send_event_heartbeat() override;
  void on_events_over() override;
  std::string* reusable_buffer() override { return request_ ? &request_->body() : nullptr; }
  bool in_message() const override { return request_.has_value(); }
  bool time_out() override;
  InputEnd input_end() const override {
    return streaming_ == Streaming::begun ? InputEnd::disconnect : InputEnd::leaving;
  }
  std::optional<std::size_t> own_credentials_bytes() override {
    return request_ ? request_->body().size() : 0;
  }
  void refuse_unproven(const proto::Error& error) override;
  Protocol protocol() const override { return Protocol::http; }

 private:
  // An unanswered request.
  struct Exchange {
    int status = 0;  // 0: that of the reply's error code
    bool http11 = true;
    bool keep_alive = true;
    bool body_wanted = true;
    bool ready = false;
    bool is_json = true;
    std::string_view headers;  // of a refusal; static
    std::string origin;        // an allowed origin, whose page may read the response
    std::string response;      // set once ready, while earlier ones are not
  };

  // Of the only request whose response may be a stream of events. No input is processed but while there is
  // none.
  enum class Streaming : std::uint8_t {
    none,
    held,   // it is complete, and waits for earlier ones to be answered
    asked,  // it runs
    begun,  // its subscription goes on
  };

  void begin_request();
  void check_head();
  void end_request(bool last);
  void take_call();
  bool take_token();
  void answer_preflight();
  void answer_health();
  bool may_stream();
  void hold_for_stream();
  void run_held();
  Step wait_for_stream();
  void take_events();
  bool answer_with_stream(Exchange& answer, std::string_view reply, std::int64_t code);
  void begin_stream(const Exchange& answer, std::string_view reply, bool gone);
  static std::string headers_for_page(const Exchange& exchange);
  void upgrade();
  void refuse(const HttpRefusal& refusal);
  void end_with(HttpRequestParser::Status status);
  HttpRefusal too_big() const;
  std::uint64_t open_exchange();
  void respond(std::string& out, const Exchange& exchange, std::string_view reply, std::int64_t code);
  void say_close_when_draining();
  void invite_body();

  std::optional<HttpRequestParser> request_;
  WholeMessage message_;                // of its body
  std::optional<HttpRefusal> refusal_;  // of the current request
  HttpPurpose purpose_ = HttpPurpose::call;
  std::vector<Exchange>
      exchanges_;              // in the order of the requests; held_bytes() counts them with their texts
  std::uint64_t first_ = 0;    // number of exchanges_.front()
  bool head_checked_ = false;  // the head of the current request has been checked
  bool token_good_ = false;    // it has no token, or a client's
  bool continue_due_ = false;  // its client waits for 100 (Continue)
  bool close_after_ = false;   // the connection ends with the response that may be a stream
  Streaming streaming_ = Streaming::none;
  EventStream stream_{false};  // once it has begun
};

}  // namespace sluice::core
