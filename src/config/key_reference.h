#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace weir {

enum class KeyKind : uint8_t {
  kText,    ///< A string.
  kChoice,  ///< A string out of KeySpec::choices.
  kBool,
  kInteger,
  kDuration,  ///< A string of parse_duration.
  kSize,      ///< A string of parse_size.
  kTextList,  ///< A list of strings, or one string.
  kEnvName,   ///< The name of an environment variable that holds a secret.
  kStart,     ///< "first", "new", a sequence, or an RFC 3339 time.
  kAny,       ///< Checked by its reader: a column's default.
};

/// One key of the pipeline file. The parser and docs/configuration.md both work from these.
struct KeySpec {
  std::string_view key;
  KeyKind kind = KeyKind::kText;
  std::string_view fallback;  ///< The default as it would stand in the file; empty: none, see `required`.
  bool required = false;
  std::string_view choices;  ///< kChoice: separated by " | ".
  std::string_view min;  ///< kInteger, kDuration, kSize: smallest and largest value, as in the file; empty: no limit.
  std::string_view max;
  std::string_view meaning;
};

struct SectionSpec {
  std::string_view name;     ///< "lake", "table", "table.column".
  std::string_view heading;  ///< "[lake]", "[[table]]".
  std::string_view meaning;
  std::span<const KeySpec> keys;
};

/// Every section of the file in the order of the documentation.
[[nodiscard]] std::span<const SectionSpec> config_sections();

/// Requires: there is such a section.
[[nodiscard]] const SectionSpec& config_section(std::string_view name);

/// Null when the section has no such key.
[[nodiscard]] const KeySpec* find_key(const SectionSpec& section, std::string_view key);

}  // namespace weir
