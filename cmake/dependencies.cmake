# Every outside library, as Debian 12 packages it. Asio and Beast are header-only;
# lib/third_party_asio.cpp compiles their code once (separate compilation).
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(spdlog REQUIRED)
find_package(prometheus-cpp REQUIRED)
find_path(SLUICE_BOOST_INCLUDE boost/asio.hpp REQUIRED)
pkg_check_modules(SYSTEMD REQUIRED IMPORTED_TARGET libsystemd)
