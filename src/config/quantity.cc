#include "config/quantity.h"

#include <array>
#include <charconv>
#include <limits>
#include <optional>

namespace weir {
namespace {

struct Unit {
  std::string_view name;
  int64_t factor;
};

constexpr std::array<Unit, 5> kDurationUnits = {
    {{"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};
constexpr std::array<Unit, 5> kSizeUnits = {{{"B", 1},
                                             {"KiB", int64_t{1} << 10},
                                             {"MiB", int64_t{1} << 20},
                                             {"GiB", int64_t{1} << 30},
                                             {"TiB", int64_t{1} << 40}}};

// A whole number followed by one of `units`, in the smallest unit. Empty when it is not that or does not fit int64.
template <size_t n>
std::optional<int64_t> parse_quantity(std::string_view text, const std::array<Unit, n>& units) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 0) return std::nullopt;
  const std::string_view unit_text = text.substr(static_cast<size_t>(end - text.data()));
  for (const Unit& unit : units) {
    if (unit_text != unit.name) continue;
    if (number > std::numeric_limits<int64_t>::max() / unit.factor) return std::nullopt;
    return number * unit.factor;
  }
  return std::nullopt;
}

/// Reads fixed-width digits and single characters from the front of a text.
class FieldReader {
 public:
  explicit FieldReader(std::string_view text) : rest_(text) {}

  bool digits(size_t count, int* out) {
    if (rest_.size() < count) return false;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + count, *out);
    if (error != std::errc() || end != rest_.data() + count || rest_[0] == '-') return false;
    rest_.remove_prefix(count);
    return true;
  }
  bool one_of(std::string_view characters, char* found = nullptr) {
    if (rest_.empty() || characters.find(rest_[0]) == std::string_view::npos) return false;
    if (found != nullptr) *found = rest_[0];
    rest_.remove_prefix(1);
    return true;
  }
  // Digits behind the point, as microseconds; false for none or more than six.
  bool fraction_us(int64_t* out) {
    int64_t scale = 100'000;
    size_t count = 0;
    for (; count < rest_.size() && rest_[count] >= '0' && rest_[count] <= '9'; ++count, scale /= 10) {
      *out += (rest_[count] - '0') * scale;
    }
    rest_.remove_prefix(count);
    return count >= 1 && count <= 6;
  }
  [[nodiscard]] bool done() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

bool read_zone(FieldReader& fields, std::chrono::minutes* offset) {
  if (fields.one_of("Zz")) return true;
  char sign = '+';
  int hours = 0;
  int minutes = 0;
  if (!fields.one_of("+-", &sign) || !fields.digits(2, &hours) || !fields.one_of(":") || !fields.digits(2, &minutes)) {
    return false;
  }
  *offset = std::chrono::minutes((sign == '-' ? -1 : 1) * (hours * 60 + minutes));
  return hours < 24 && minutes < 60;
}

std::optional<int64_t> rfc3339_us(std::string_view text) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  int64_t fraction = 0;
  std::chrono::minutes offset{0};
  FieldReader fields(text);
  if (!fields.digits(4, &year) || !fields.one_of("-") || !fields.digits(2, &month) || !fields.one_of("-") ||
      !fields.digits(2, &day) || !fields.one_of("Tt ") || !fields.digits(2, &hour) || !fields.one_of(":") ||
      !fields.digits(2, &minute) || !fields.one_of(":") || !fields.digits(2, &second)) {
    return std::nullopt;
  }
  if (fields.one_of(".") && !fields.fraction_us(&fraction)) return std::nullopt;
  if (!read_zone(fields, &offset) || !fields.done()) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || hour > 23 || minute > 59 || second > 59) return std::nullopt;
  const auto time = std::chrono::sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
                    std::chrono::seconds(second) - offset;
  return std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count() + fraction;
}

}  // namespace

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  if (const auto value = parse_quantity(text, kDurationUnits)) return std::chrono::milliseconds(*value);
  return invalid_argument(
      "is not a duration; write a whole number and a unit, like \"100ms\", \"1s\", \"5m\", \"2h\", \"30d\"");
}

Result<int64_t> parse_size(std::string_view text) {
  if (const auto value = parse_quantity(text, kSizeUnits)) return *value;
  return invalid_argument(
      "is not a size; write a whole number and a unit, like \"512B\", \"64KiB\", \"128MiB\", \"1GiB\"");
}

Result<int64_t> parse_rfc3339_us(std::string_view text) {
  if (const auto value = rfc3339_us(text)) return *value;
  return invalid_argument("is not a time; write RFC 3339 with a zone, like \"2026-01-31T06:00:00Z\"");
}

}  // namespace weir
