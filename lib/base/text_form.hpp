// What a setting's text has to look like.
#pragma once

#include <string>
#include <string_view>

namespace sluice::core {

struct TextForm {
  std::string allowed;  // goes on from "it takes ..."
  bool (*fits)(std::string_view);
};

}  // namespace sluice::core
