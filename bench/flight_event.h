#pragma once

#include <cstdint>
#include <string>

// The event that every benchmark uses.
namespace weir::bench {

/// Event `i` as JSON: 8 fields, one column each, about 185 bytes, shaped like a flight event.
inline std::string flight_event(int64_t i) {
  const auto number = [i](int64_t factor, int64_t modulus) { return std::to_string(1 + i * factor % modulus); };
  return R"({"carrier":"UA","flight_number":)" + number(7, 8000) + R"(,"tail_number":"N)" +
         std::to_string(10000 + i % 80000) + R"(","origin":"EWR","dest_airport":"IAH","distance_miles":)" +
         number(13, 5000) + R"(.5,"departure_delay":-)" + number(3, 60) + R"(,"scheduled_at":"2013-01-)" +
         std::to_string(10 + i % 18) + "T05:00:00Z\"}";
}

}  // namespace weir::bench
