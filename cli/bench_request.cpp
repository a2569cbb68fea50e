#include "cli/bench_request.hpp"

#include "cli/request.hpp"

namespace sluice::client {

RequestId::RequestId(std::uint32_t slot) {
  digits_.fill('0');
  digits_[0] = '1';
  for (std::size_t digit = kDigits; slot > 0; slot /= 10)
    digits_[--digit] = static_cast<char>('0' + slot % 10);
}

RequestPattern::RequestPattern(std::string_view method, std::string_view params) {
  const RequestId id(0);
  text = make_request(method, params, id.text(), {});
  id_offset = text.find(id.text());  // nothing but the version stands before it
}

}  // namespace sluice::client
