// Form of a setting's text: which texts are valid.
#pragma once

#include <string>
#include <string_view>

namespace sluice::core {

struct TextForm {
  std::string allowed;  // continues the message "it takes ..."
  bool (*fits)(std::string_view);
};

}  // namespace sluice::core
