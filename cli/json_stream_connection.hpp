// Connection that carries JSON texts one after another.
#pragma once

#include <memory>
#include <string>

#include "cli/byte_stream.hpp"
#include "cli/connection.hpp"
#include "cli/message_cutter.hpp"

namespace sluice::client {

// A JSON stream over any byte stream. See Connection.
class JsonStreamConnection final : public Connection {
 public:
  // `address` is for messages.
  JsonStreamConnection(std::unique_ptr<ByteStream> stream, std::string address)
      : stream_(std::move(stream)), address_(std::move(address)) {}

  Result<void> send(std::string_view message, const WaitLimit& limit) override;
  void close_normally() override { stream_->close_normally(); }
  void finish_sending() override { stream_->finish_sending(); }
  Result<std::optional<std::string>> receive(const WaitLimit& limit) override;

 private:
  std::unique_ptr<ByteStream> stream_;
  std::string address_;
  MessageCutter cutter_;
};

}  // namespace sluice::client
