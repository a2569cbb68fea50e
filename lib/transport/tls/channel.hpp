// TLS channel over one connection's socket.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/idle_records.hpp"
#include "lib/transport/tls/context.hpp"

struct bio_st;

namespace sluice::core {

// The server side: the handshake, which read() performs, and after it the bytes inside. Never blocks, never
// raises SIGPIPE. I/O thread only.
class TlsChannel {
 public:
  enum class Status : std::uint8_t {
    ok,
    wants_input,  // the socket must become readable first, for any operation
    wants_room,   // the socket must become writable first
    end,          // the client has ended its side; it may still be written to
    failed,       // the connection is lost or was cut short, or the bytes are not TLS
  };
  struct Transfer {
    Status status = Status::ok;
    std::size_t bytes = 0;
  };

  // The socket is non-blocking and outlives this; `peer` is for the log. Throws std::bad_alloc.
  TlsChannel(const TlsContext& context, int socket, std::string peer = {});
  ~TlsChannel();
  TlsChannel(const TlsChannel&) = delete;
  TlsChannel& operator=(const TlsChannel&) = delete;

  // Reads as much as fits and is available. After a failed handshake: reads and drops the client's input, so
  // that no reset overtakes the alert that explains it.
  Transfer read(char* to, std::size_t size);
  // Refused bytes must be passed first again when there is room, at any address.
  Transfer write(std::string_view bytes);
  // Sends close_notify: ok once it is in the kernel or can't be sent any more; wants_room: call it again when
  // there is room.
  Status end_sending();

  // Whether read() has more that the socket does not report.
  bool buffered() const { return buffered_; }
  bool established() const { return established_; }
  bool failed() const { return failed_; }
  // The client sent too many records without data.
  bool flooded() const { return flooded_; }

  // The subject of the client's verified certificate, as `openssl x509 -noout -subject -nameopt RFC2253`
  // prints it: "CN=deploy,O=Example". Nothing if the client presented none.
  std::optional<std::string> peer_certificate() const;

 private:
  // The socket as OpenSSL's BIO uses it.
  struct Socket {
    int descriptor;
    std::size_t budget = 0;  // bytes to read before other sockets are served
    bool end_seen = false;
    int error = 0;  // the last errno
  };
  struct Free {
    void operator()(ssl_st* connection) const;
  };

  static int socket_read(bio_st* bio, char* to, std::size_t size, std::size_t* got);
  static int socket_write(bio_st* bio, const char* bytes, std::size_t size, std::size_t* sent);
  static long socket_control(bio_st* bio, int command, long number, void* pointer);
  static void on_protocol(int outgoing, int version, int type, const void* bytes, std::size_t size,
                          ssl_st* connection, void* channel);
  static bio_st* make_bio(Socket& socket);

  Transfer drop_input(char* to, std::size_t size);
  Status trouble(int result);
  void note_established();
  void count_data(std::size_t bytes);
  void log_failure(int error) const;

  Socket socket_;
  std::unique_ptr<ssl_st, Free> connection_;
  const std::string peer_;
  bool established_ = false;  // the handshake is done
  bool failed_ = false;
  bool flooded_ = false;
  IdleRecords idle_records_;
  bool buffered_ = false;
  bool write_waits_ = false;  // a record is half sent: no other may come between
  bool ended_ = false;        // end_sending() is done
};

}  // namespace sluice::core
