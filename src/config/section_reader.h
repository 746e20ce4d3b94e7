#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/key_reference.h"
#include "config/problem.h"
#include "config/toml_document.h"

namespace weir {

/// Reads one section of the file by its SectionSpec. Making it reports every unknown key and every missing required
/// one; each getter reports a value of the wrong kind, form or range and then yields the default (the zero value where
/// there is none), so that reading goes on and all problems of a file are found at once. Not thread-safe; must not
/// outlive spec, table and problems.
class SectionReader {
 public:
  /// `table` may be null: the section is absent and every key has its default. `label` stands before keys in messages:
  /// "lake", "table[flights]". `line`: of the section's heading. `children`: names of nested sections, read by others.
  SectionReader(const SectionSpec& spec, const TomlValue::Table* table, std::string label, int line,
                ProblemList* problems, std::vector<std::string_view> children = {});

  [[nodiscard]] std::string text(std::string_view key) const;
  [[nodiscard]] bool flag(std::string_view key) const;
  [[nodiscard]] int64_t integer(std::string_view key) const;
  [[nodiscard]] std::chrono::milliseconds duration(std::string_view key) const;
  [[nodiscard]] int64_t size(std::string_view key) const;
  [[nodiscard]] std::vector<std::string> text_list(std::string_view key) const;

  /// Null when the file does not have the key.
  [[nodiscard]] const TomlValue* given(std::string_view key) const;
  /// Line of the key, or of the section when the file does not have it.
  [[nodiscard]] int line(std::string_view key) const;

  /// Reports `what` about the key's value: "lake.url = \"/tmp\": <what>". The value of a *_env key is not shown.
  void reject(std::string_view key, const std::string& what) const;
  /// "lake.url"
  [[nodiscard]] std::string name_of(std::string_view key) const;
  [[nodiscard]] ProblemList& problems() const { return *problems_; }

 private:
  void check_known(std::vector<std::string_view> children) const;
  void check_complete() const;
  [[nodiscard]] const KeySpec& spec_of(std::string_view key, std::initializer_list<KeyKind> kinds) const;
  template <typename Parse>
  [[nodiscard]] int64_t quantity(const KeySpec& spec, const Parse& parse) const;
  [[nodiscard]] bool within(const KeySpec& spec, int64_t value, std::optional<int64_t> min,
                            std::optional<int64_t> max) const;

  const SectionSpec& spec_;
  const TomlValue::Table* table_;
  std::string label_;
  int line_;
  ProblemList* problems_;
};

/// Reports the sections at the top of the file that no SectionSpec knows.
void check_section_names(const TomlValue::Table& file, ProblemList* problems);

}  // namespace weir
