#include "lib/base/hosts_file.hpp"

#include <doctest/doctest.h>

namespace sluice::core {
namespace {

using Names = std::vector<std::string>;

TEST_CASE("hosts file: names of loopback addresses, in any layout") {
  CHECK(loopback_names_in("127.0.0.1 localhost\n::1\tip6-localhost  ip6-loopback # a comment\n"
                          "127.0.1.1 Box.Lan box\r\n#127.0.0.1 commented\n\n192.0.2.1 other\nnonsense x") ==
        Names{"box", "box.lan", "ip6-localhost", "ip6-loopback", "localhost"});
  CHECK(loopback_names_in("").empty());
  CHECK(loopback_names_in("127.0.0.1").empty());
}

TEST_CASE("hosts file: a name that leads elsewhere as well is not this machine's") {
  CHECK(loopback_names_in("127.0.1.1 box other\n192.0.2.1 box\n") == Names{"other"});
  CHECK(loopback_names_in("192.0.2.1 box\n::1 box\n").empty());
}

}  // namespace
}  // namespace sluice::core
