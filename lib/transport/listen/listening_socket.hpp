// Listening socket, with the files of a Unix socket.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "lib/base/address.hpp"
#include "lib/base/descriptor.hpp"
#include "lib/transport/listen/host_lookup.hpp"
#include "lib/transport/tls/listen_settings.hpp"

namespace sluice::core {

inline constexpr int kBacklog = 4096;  // connections that the kernel queues before they are accepted
inline constexpr std::size_t kHostAddressesMax = 16;  // of one name
inline constexpr int kPortTries = 16;  // to find a port that is free on all addresses of a name

// A bound and listening socket. A Unix socket's path is guarded by a lock on PATH.lock while this lives. So a
// path with a live owner is never taken over, and a stale one always can be. The path and the lock are
// removed at the end. An inherited socket is left as it is.
class ListeningSocket {
 public:
  // Opens one address; the first of a host with several. Throws std::system_error whose what() names the
  // address. A host's name is looked up for `kLookupTime` at most.
  static std::unique_ptr<ListeningSocket> open(const ListenSettings& settings);
  // Opens all addresses of the host, with one port, except those served `already`. Addresses that this
  // machine lacks, perhaps IPv6, are left out with a log line if another address is served. Names are looked
  // up beforehand.
  static std::vector<std::unique_ptr<ListeningSocket>> open_all(const ListenSettings& settings,
                                                                HostLookups& names,
                                                                const std::vector<Address>& already = {});
  // Takes over a listening socket. Throws std::system_error if the descriptor is not one.
  static std::unique_ptr<ListeningSocket> inherit(int descriptor);

  // Changes the mode of a Unix socket's file. False if another process has replaced the file. Throws
  // std::system_error if the mode can't be changed.
  bool change_mode(std::uint32_t mode) const;

  ~ListeningSocket();
  ListeningSocket(const ListeningSocket&) = delete;
  ListeningSocket& operator=(const ListeningSocket&) = delete;

  int descriptor() const { return socket_.get(); }
  // The bound address: port 0 is resolved.
  const Address& address() const { return address_; }
  bool inherited() const { return inherited_; }

 private:
  ListeningSocket(Descriptor socket, Address address, bool inherited)
      : socket_(std::move(socket)), address_(std::move(address)), inherited_(inherited) {}

  static std::unique_ptr<ListeningSocket> open_tcp(const Address& address, HostAddress host, bool dual_stack);
  static std::vector<std::unique_ptr<ListeningSocket>> open_each(Address address,
                                                                 const std::vector<HostAddress>& hosts,
                                                                 bool dual_stack, bool any);
  static std::unique_ptr<ListeningSocket> open_unix(const Address& address, std::uint32_t mode);

  Descriptor socket_;
  Address address_;
  bool inherited_;
  std::string lock_path_;  // kept, because composing it may fail when memory runs out
  Descriptor lock_;        // only for Unix sockets opened here: the lock, and the identity of their file
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace sluice::core
