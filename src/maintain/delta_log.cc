#include "maintain/delta_log.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string_view>

#include "lake/lake_layout.h"

namespace weir::maintain {
namespace {

using nlohmann::json;

constexpr size_t kVersionDigits = 20;

std::string log_folder(const std::string& table) { return table + "/_delta_log"; }

// The version that a log file's name begins with, and what follows it.
struct LogName {
  int64_t version = 0;
  std::string_view rest;
};

std::optional<LogName> parse_name(std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  if (name.size() <= kVersionDigits) return std::nullopt;
  LogName parsed;
  const char* digits_end = name.data() + kVersionDigits;
  const auto [end, error] = std::from_chars(name.data(), digits_end, parsed.version);
  if (error != std::errc() || end != digits_end || name[0] == '-') return std::nullopt;
  parsed.rest = name.substr(kVersionDigits);
  return parsed;
}

void widen(int64_t version, std::optional<int64_t>* lowest, std::optional<int64_t>* highest) {
  *lowest = std::min(lowest->value_or(version), version);
  *highest = std::max(highest->value_or(version), version);
}

}  // namespace

std::optional<int64_t> DeltaLog::oldest_version() const {
  if (oldest_entry == 0) return 0;
  return oldest_checkpoint;
}

int64_t DeltaLog::commits_since_checkpoint() const {
  if (!newest_entry) return 0;
  return newest_checkpoint ? std::max<int64_t>(0, *newest_entry - *newest_checkpoint) : *newest_entry + 1;
}

DeltaLog summarize_log(const std::vector<engine::ObjectEntry>& objects) {
  DeltaLog log;
  for (const engine::ObjectEntry& object : objects) {
    log.bytes += object.size_bytes;
    const auto name = parse_name(object.path);
    if (!name) continue;
    if (name->rest == ".json") {
      ++log.entries;
      widen(name->version, &log.oldest_entry, &log.newest_entry);
    } else if (name->rest.starts_with(".checkpoint") && name->rest.ends_with(".parquet")) {
      widen(name->version, &log.oldest_checkpoint, &log.newest_checkpoint);
    }
  }
  return log;
}

Result<DeltaLog> read_delta_log(const engine::ObjectReader& objects, const std::string& table) {
  WEIR_ASSIGN_OR_RETURN(const auto entries, objects.list(log_folder(table)));
  return summarize_log(entries);
}

Result<std::optional<int64_t>> commit_time_ms(const engine::ObjectReader& objects, const std::string& table,
                                              int64_t version) {
  const auto entry = objects.get(log_folder(table) + "/" + lake::padded(version) + ".json");
  if (entry.status().code() == StatusCode::kNotFound) return std::optional<int64_t>();
  WEIR_RETURN_IF_ERROR(entry.status());
  std::istringstream lines(*entry);
  for (std::string line; std::getline(lines, line);) {
    const json action = json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!action.is_object() || !action.contains("commitInfo")) continue;
    const json& info = action["commitInfo"];
    const auto time = info.find("timestamp");
    if (time != info.end() && time->is_number_integer()) return std::optional(time->get<int64_t>());
  }
  return std::optional<int64_t>();
}

}  // namespace weir::maintain
