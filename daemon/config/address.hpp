// Checks of addresses beyond their form. Nothing is resolved or opened here.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/address.hpp"

namespace sluice::daemon {

// The kernel's sockaddr_un holds one byte more, for the terminating zero.
inline constexpr std::size_t kUnixPathBytesMax = 107;

// Takes `tcp://HOST:PORT` or `unix:///PATH` apart; nothing for any other text, nor for one that can't be
// meant: a mistyped IP address, a path that is a folder's.
std::optional<core::Address> parse_listen_address(std::string_view text);

// One spelling for all that mean the same; empty for port 0, of which any number may be opened.
std::string identity(const core::Address& address);

}  // namespace sluice::daemon
