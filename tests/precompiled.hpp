// Precompiled: what takes longest to read of what tests include.
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>
