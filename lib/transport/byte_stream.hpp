// A connected socket as sessions use it.
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

// Where a TCP connection comes from, as accepting it tells: of one that was reset it can't be asked later. As
// large as an IPv6 address is with the system.
struct PeerName {
  sockaddr_in6 address{};
};

// A TLS connection's first byte: the type of its first record.
inline constexpr char kTlsHandshake = 0x16;

// Non-blocking bytes over TCP, TLS or a Unix socket: the one place where sessions meet the system. I/O
// thread only.
class ByteStream {
 public:
  // Beside Poller's: the peer has ended its side. Reported again and again while it is watched for.
  static constexpr std::uint32_t kEnded = EPOLLRDHUP;
  enum class Status : std::uint8_t { ok, would_block, end, failed };
  struct Transfer {
    Status status = Status::ok;
    std::size_t bytes = 0;
  };

  // The descriptor must be non-blocking. `local`: it is a Unix socket.
  ByteStream(Descriptor socket, bool local, const PeerName& peer = {});
  // Before the first read: if the first byte says so, everything is TLS, and what is read and written here
  // is what is inside.
  void expect_tls(std::shared_ptr<const TlsContext> context);
  // Before the first read: a PROXY header comes first, and says who the peer is. TLS may follow it.
  void expect_proxy_header();

  // With TLS, an end without the client's saying so has `failed`, and `would_block` may be the handshake's.
  // Throws std::bad_alloc where TLS begins.
  Transfer read(char* to, std::size_t size);
  Transfer write(std::string_view bytes);
  // Whether read() has more to give that the poller does not report.
  bool buffered() const { return tls_ && tls_->buffered(); }

  // Whether the next read may take a step of a handshake.
  bool may_handshake() const {
    return tls_ ? !tls_->established() && !tls_->failed() : tls_context_ != nullptr;
  }
  // Whether something stands between the socket and what is read, as TLS, or is to be read before.
  bool staged() const { return staged_; }
  // Between accepting and the end of the PROXY header and the handshake, where they have to come.
  bool securing() const { return staged_ && awaits_stage(); }
  // Whether a PROXY header has to come, or its end.
  bool awaits_proxy_header() const { return proxy_ != nullptr; }
  // There was none, or an invalid one: what the client sends can be read, but must not be followed.
  bool lacks_proxy_header() const { return proxied_ == Proxied::wrongly; }
  // Whether the peer is known to be on another machine, though a proxy on this one may have connected for it.
  bool from_outside() const;
  // Whether what is read comes out of TLS.
  bool secure() const { return tls_ != nullptr; }
  // No TLS came out of it: reading brings nothing more, but keeps a reset from overtaking the reason.
  bool handshake_failed() const { return tls_ && tls_->failed() && !tls_->established(); }
  // See TlsChannel.
  bool flooded() const { return tls_ && tls_->flooded(); }
  // The client speaks no TLS, and has to: what it sends can be read, but must not be followed.
  bool must_refuse() const { return must_refuse_; }
  // See TlsChannel. Known once bytes were read.
  std::optional<std::string> peer_certificate() const;

  // Tells `watched` from now until close(), at first when there is something to read. Throws
  // std::system_error at a limit of the system's.
  void watch(Poller& poller, Watched& watched);
  // What the poller reports to it: any of Poller::kReadable, kWritable and kEnded; the peer's disconnect in
  // any case.
  void watch_for(std::uint32_t events);
  // From here on the poller reports nothing to it.
  void unwatch();
  // What `watched` was told, in terms of what it asked for: TLS may have to write to be able to read.
  std::uint32_t readiness(std::uint32_t events);

  // Whether the peer is gone, as opposed to having ended its side only.
  bool peer_gone() const;
  // Tells `caller` who the peer is: the user and the groups that a Unix socket's peer had when it connected,
  // or the address that a TCP connection comes from. Throws std::bad_alloc.
  void fill_peer_identity(Caller& caller) const;
  // For the log: "192.0.2.1:4711", "[2001:db8::1]:4711", or "unix:1000" with the user's id. Throws
  // std::bad_alloc.
  std::string peer() const;
  bool local() const { return local_; }
  // Whom the limit of connections per peer holds for. Nothing where neither the system nor a proxy tells.
  std::optional<PeerKey> peer_key() const;
  // Bytes that were written and have not reached the peer's system (on a Unix socket: its program).
  std::size_t undelivered() const;
  // Bytes that the peer has sent and nobody has read.
  std::size_t unread() const;

  // What was sent and is not acknowledged for so long ends the connection. Not for Unix sockets, whose peer's
  // end is seen.
  void limit_unacknowledged(std::chrono::milliseconds time);

  // Whether the peer knows, or will come to, that nothing more is sent: with TLS it has to be said, for
  // which there may be no room.
  bool say_end();
  // Ends sending, as soon as say_end() is done; until then it is `ending`.
  void shutdown_send();
  bool ending() const { return ending_; }
  void close();

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
  std::shared_ptr<const TlsContext> tls_context_;  // until the first byte has come
  std::unique_ptr<ProxyHeader> proxy_;             // until it has come
  Poller* poller_ = nullptr;
  Watched* watched_ = nullptr;
  std::uint32_t events_ = 0;  // as the poller has them
  PeerName peer_;
  // What a PROXY header said of the peer, where one was expected.
  enum class Proxied : std::uint8_t { no, for_itself, for_nobody_known, for_peer, wrongly };
  Proxied proxied_ = Proxied::no;
  bool local_;
  bool staged_ = false;  // something stands between the socket and the session, or is to be read before
  bool must_refuse_ = false;
  bool read_wants_room_ = false;    // TLS has to write before it can read on
  bool write_wants_input_ = false;  // and the reverse
  bool ending_ = false;
};

}  // namespace sluice::core
