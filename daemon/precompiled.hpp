// Precompiled: what nearly every file of daemon/ needs and what takes longest to read.
#include <functional>
#include <string>
#include <vector>

#include <spdlog/spdlog.h>
#include <nlohmann/json.hpp>
