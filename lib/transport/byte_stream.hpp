// Byte stream: a connected socket with optional PROXY header and TLS.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <netinet/in.h>

#include "lib/base/descriptor.hpp"
#include "lib/loop/poller.hpp"
#include "lib/transport/connection_limit.hpp"
#include "lib/transport/proxy_header.hpp"
#include "lib/transport/tls/channel.hpp"

namespace sluice::core {

class Caller;

// Peer address of a TCP connection, as accept() reports it: after a reset it can't be queried. An IPv6
// address fits.
struct PeerName {
  sockaddr_in6 address{};
};

// First byte of a TLS connection: the type of its first record.
inline constexpr char kTlsHandshake = 0x16;

// Non-blocking bytes over TCP, TLS or a Unix socket. Connections use the system only through it. I/O thread
// only.
class ByteStream {
 public:
  // In addition to Poller's events: the peer has ended its side. Reported repeatedly while it is watched for.
  static constexpr std::uint32_t kEnded = EPOLLRDHUP;
  enum class Status : std::uint8_t { ok, would_block, end, failed };
  struct Transfer {
    Status status = Status::ok;
    std::size_t bytes = 0;
  };

  // The descriptor must be non-blocking. `local`: it is a Unix socket.
  ByteStream(Descriptor socket, bool local, const PeerName& peer = {});
  // Call before the first read. If the first byte is TLS's, the connection uses TLS, and read() and write()
  // handle its content.
  void expect_tls(std::shared_ptr<const TlsContext> context);
  // Call before the first read: a PROXY header comes first, and names the peer. TLS may follow it.
  void expect_proxy_header();

  // With TLS, an end without close_notify is `failed`, and `would_block` may mean that the handshake is
  // incomplete. Throws std::bad_alloc where TLS begins.
  Transfer read(char* to, std::size_t size);
  Transfer write(std::string_view bytes);
  // Whether read() has more that the poller does not report.
  bool buffered() const { return tls_ && tls_->buffered(); }

  // Whether the next read may process a step of a handshake.
  bool may_handshake() const {
    return tls_ ? !tls_->established() && !tls_->failed() : tls_context_ != nullptr;
  }
  // Whether TLS or a PROXY header lies between the socket and the session, or must be read first.
  bool staged() const { return staged_; }
  // True from accepting until the required PROXY header and handshake are complete.
  bool securing() const { return staged_ && awaits_stage(); }
  // Whether a PROXY header, or its end, is still to come.
  bool awaits_proxy_header() const { return proxy_ != nullptr; }
  // The PROXY header is missing or invalid: input can be read, but must not be acted on.
  bool lacks_proxy_header() const { return proxied_ == Proxied::wrongly; }
  // Whether the peer is known to be on another machine, even if a proxy on this one has connected for it.
  bool from_outside() const;
  // Whether input comes out of TLS.
  bool secure() const { return tls_ != nullptr; }
  // The handshake failed. read() brings nothing more, but keeps a reset from overtaking the alert.
  bool handshake_failed() const { return tls_ && tls_->failed() && !tls_->established(); }
  // See TlsChannel.
  bool flooded() const { return tls_ && tls_->flooded(); }
  // The client does not use the required TLS: its input can be read, but must not be acted on.
  bool must_refuse() const { return must_refuse_; }
  // See TlsChannel. Known after the first bytes were read.
  std::optional<std::string> peer_certificate() const;

  // Notifies `watched` from now until close(), at first when there is something to read. Throws
  // std::system_error at a limit of the system.
  void watch(Poller& poller, Watched& watched);
  // Sets the events that the poller reports: any of Poller::kReadable, kWritable and kEnded. A disconnect is
  // reported in any case.
  void watch_for(std::uint32_t events);
  // From here on the poller reports nothing to `watched`.
  void unwatch();
  // Translates reported events into those that `watched` asked for: TLS may have to write before it can read.
  std::uint32_t readiness(std::uint32_t events);

  // Whether the peer is gone, as opposed to a half-close.
  bool peer_gone() const;
  // Fills in the peer's identity: user and groups of a Unix socket's peer when it connected, or the address
  // of a TCP peer. Throws std::bad_alloc.
  void fill_peer_identity(Caller& caller) const;
  // For the log: "192.0.2.1:4711", "[2001:db8::1]:4711", or "unix:1000" with the user's id. Throws
  // std::bad_alloc.
  std::string peer() const;
  bool local() const { return local_; }
  // Key of the limit of connections per peer. Nothing if neither the system nor a proxy names the peer.
  std::optional<PeerKey> peer_key() const;
  // Written bytes that have not reached the peer's system (on a Unix socket: its program).
  std::size_t undelivered() const;
  // Bytes that the peer has sent and that were not read.
  std::size_t unread() const;

  // Ends the connection if sent bytes are not acknowledged in this time. Not for Unix sockets, where the
  // peer's end is reported.
  void limit_unacknowledged(std::chrono::milliseconds time);

  // Announces the end of sending. True once the peer will learn that: with TLS it takes an alert, for which
  // there may be no room yet.
  bool say_end();
  // Ends sending, as soon as say_end() succeeds; until then it is `ending`.
  void shutdown_send();
  bool ending() const { return ending_; }
  void close();
  // Frees what TLS holds. After close(), and not from within read() or write().
  void forget_tls() { tls_.reset(); }

 private:
  std::size_t queued(unsigned long request) const;
  bool awaits_tls() const { return tls_context_ && !tls_context_->plain_allowed(); }
  Transfer read_plain(char* to, std::size_t size);
  Transfer read_staged(char* to, std::size_t size);
  Transfer read_proxy_header();
  Transfer read_secure(char* to, std::size_t size);
  Transfer begin();
  bool awaits_stage() const {
    return proxy_ || (tls_ ? !tls_->established() && !tls_->failed() : awaits_tls());
  }
  std::uint32_t raw_events(std::uint32_t events) const;

  Descriptor socket_;
  std::unique_ptr<TlsChannel> tls_;
  std::shared_ptr<const TlsContext> tls_context_;  // until the first byte is here
  std::unique_ptr<ProxyHeader> proxy_;             // until it is complete
  Poller* poller_ = nullptr;
  Watched* watched_ = nullptr;
  std::uint32_t events_ = 0;  // as registered with the poller
  PeerName peer_;
  // What a required PROXY header says of the peer.
  enum class Proxied : std::uint8_t { no, for_itself, for_unknown_peer, for_peer, wrongly };
  Proxied proxied_ = Proxied::no;
  bool local_;
  bool staged_ = false;  // see staged()
  bool must_refuse_ = false;
  bool read_wants_room_ = false;    // TLS must write before it can read on
  bool write_wants_input_ = false;  // TLS must read before it can write on
  bool ending_ = false;
};

}  // namespace sluice::core
