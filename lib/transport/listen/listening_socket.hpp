// A socket that takes connections, and what has to be tidied up behind it.
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

inline constexpr int kBacklog = 4096;  // connections that the kernel holds until they are accepted
inline constexpr std::size_t kHostAddressesMax = 16;  // of one name
inline constexpr int kPortTries = 16;  // to find a port that is free on all addresses of a name

// A bound and listening socket. A Unix socket's path is guarded by a lock on PATH.lock while this lives,
// so that a path whose owner is alive is never taken over and a stale one always can be; the path and the
// lock are removed at the end. A socket that was inherited is left as it is.
class ListeningSocket {
 public:
  // On one address; of a host that has several, the first. Throws std::system_error whose what() names the
  // address. A host's name is looked up for `kLookupTime` at most.
  static std::unique_ptr<ListeningSocket> open(const ListenSettings& settings);
  // On all addresses of the host, with one port, but not on those that are served `already`. What this
  // machine has not, as IPv6 may be, is left out with a line in the log while another address is served.
  // Names are looked up beforehand.
  static std::vector<std::unique_ptr<ListeningSocket>> open_all(const ListenSettings& settings,
                                                                HostLookups& names,
                                                                const std::vector<Address>& already = {});
  // Takes over a socket that is listening already. Throws std::system_error if the descriptor is none.
  static std::unique_ptr<ListeningSocket> inherit(int descriptor);

  // Gives a Unix socket's file another mode. False where somebody has put something else in its place.
  // Throws std::system_error where the mode can't be changed.
  bool change_mode(std::uint32_t mode) const;

  ~ListeningSocket();
  ListeningSocket(const ListeningSocket&) = delete;
  ListeningSocket& operator=(const ListeningSocket&) = delete;

  int descriptor() const { return socket_.get(); }
  // As bound: port 0 resolved.
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
  std::string lock_path_;  // kept, because composing it may fail for want of memory
  Descriptor lock_;        // Unix sockets that were opened here, and which file is theirs
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace sluice::core
