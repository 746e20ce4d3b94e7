#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/status.h"

namespace weir {

struct TomlEntry;

/// One value of a TOML file with the line it stands on. Value type.
struct TomlValue {
  using Array = std::vector<TomlValue>;
  using Table = std::vector<TomlEntry>;  ///< In the order of the file.
  struct DateTime {
    std::string text;  ///< RFC 3339, as far as the value goes: a date, a time, or both, with zone if it had one.
  };

  std::variant<bool, int64_t, double, std::string, DateTime, Array, Table> value;
  int line = 0;  ///< 1-based.

  template <typename T>
  [[nodiscard]] const T* get_if() const {
    return std::get_if<T>(&value);
  }
};

struct TomlEntry {
  std::string key;
  int line = 0;  ///< Of the key.
  TomlValue value;
};

struct TomlSyntaxError {
  int line = 0;
  std::string message;
};

/// The whole file as a table, or the first place where it is not TOML.
[[nodiscard]] std::variant<TomlValue::Table, TomlSyntaxError> parse_toml(std::string_view text);

/// Null when there is no such key.
[[nodiscard]] const TomlEntry* find(const TomlValue::Table& table, std::string_view key);

/// What the value is, for a person: "a string", "a whole number", "a list", ...
[[nodiscard]] std::string_view kind_name(const TomlValue& value);

/// The value on one line as it might stand in the file, shortened when long. For messages.
[[nodiscard]] std::string display(const TomlValue& value);

}  // namespace weir
