#include "config/reference_page.h"

#include "config/key_reference.h"

namespace weir {
namespace {

std::string type_text(const KeySpec& key) {
  switch (key.kind) {
    case KeyKind::kText: return "string";
    case KeyKind::kChoice: return "one of " + std::string(key.choices);
    case KeyKind::kBool: return "boolean";
    case KeyKind::kInteger: return "whole number";
    case KeyKind::kDuration: return "duration";
    case KeyKind::kSize: return "size";
    case KeyKind::kTextList: return "list of strings";
    case KeyKind::kEnvName: return "environment variable";
    case KeyKind::kStart: return "start";
    case KeyKind::kAny: return "TOML value";
  }
  return {};
}

// A bar ends a cell of a Markdown table, also inside code.
std::string cell(std::string_view text) {
  std::string escaped;
  for (const char c : text) escaped += c == '|' ? std::string("\\|") : std::string(1, c);
  return escaped;
}

std::string key_row(const KeySpec& key) {
  std::string limits;
  if (!key.min.empty()) limits = ", " + std::string(key.min) + " to " + std::string(key.max);
  const std::string fallback = key.required           ? "**required**"
                               : key.fallback.empty() ? "none"
                                                      : "`" + std::string(key.fallback) + "`";
  return "| `" + std::string(key.key) + "` | " + cell(type_text(key) + limits) + " | " + cell(fallback) + " | " +
         cell(key.meaning) + " |\n";
}

}  // namespace

std::string render_configuration_reference() {
  std::string page =
      "# The pipeline file\n\n"
      "Every section and key of the TOML file that `weir run FILE` takes; `weir check FILE` validates one offline and "
      "reports all\n"
      "its mistakes with file and line. A commented example is [examples/flights.toml](examples/flights.toml). "
      "Rendered from\n"
      "`src/config/key_reference.cc` (`weir check --print-configuration-reference`); a test compares the two (run it "
      "with\n"
      "`WEIR_UPDATE_DOCS=1` to rewrite this page).\n\n"
      "* A duration is a whole number and a unit: `ms`, `s`, `m`, `h`, `d`. A size likewise: `B`, `KiB`, `MiB`, `GiB`, "
      "`TiB`.\n"
      "* A key that ends in `_env` takes the NAME of an environment variable; the secret itself never stands in the "
      "file.\n"
      "* An unknown key is an error: nothing is silently ignored.\n";
  for (const SectionSpec& section : config_sections()) {
    page += "\n## `" + std::string(section.heading) + "`\n\n" + std::string(section.meaning) +
            "\n\n| key | type | default | meaning |\n|---|---|---|---|\n";
    for (const KeySpec& key : section.keys) page += key_row(key);
  }
  return page;
}

}  // namespace weir
