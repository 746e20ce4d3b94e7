#include "telemetry/log_line.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <nlohmann/json.hpp>

namespace weir {
namespace {

constexpr std::array<std::string_view, 9> kSecretKeys = {
    "password", "secret", "credentials", "authorization", "jwt", "payload", "access_key_id", "api_key", "bearer"};

bool names_secret(std::string_view key) {
  return std::any_of(kSecretKeys.begin(), kSecretKeys.end(),
                     [&](std::string_view secret) { return key.find(secret) != std::string_view::npos; });
}

std::string rfc3339(int64_t time_us) {
  const std::chrono::sys_time<std::chrono::microseconds> time{std::chrono::microseconds(time_us)};
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  const auto milliseconds = std::chrono::floor<std::chrono::milliseconds>(time - seconds).count();
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)),
                     milliseconds);
}

nlohmann::ordered_json json_value(const LogField& field) {
  if (names_secret(field.key)) return "[redacted]";
  return std::visit([](const auto& value) { return nlohmann::ordered_json(value); }, field.value);
}

std::string dump(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

bool needs_quotes(std::string_view text) {
  return text.empty() || std::any_of(text.begin(), text.end(), [](char c) {
           const auto byte = static_cast<unsigned char>(c);
           return byte <= ' ' || byte >= 0x7F || c == '"' || c == '=' || c == '\\';
         });
}

// Quoted values are JSON strings: one escaping rule for both formats.
std::string text_value(const LogField& field) {
  const auto json = json_value(field);
  if (!json.is_string()) return dump(json);
  const auto& text = json.get_ref<const std::string&>();
  return needs_quotes(text) ? dump(json) : text;
}

}  // namespace

std::string_view to_string(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug: return "debug";
    case LogLevel::kInfo: return "info";
    case LogLevel::kWarn: return "warn";
    case LogLevel::kError: return "error";
  }
  return "error";
}

std::string format_log_line(LogFormat format, int64_t time_us, LogLevel level, std::string_view message,
                            std::initializer_list<LogField> fields) {
  if (format == LogFormat::kJson) {
    nlohmann::ordered_json line;
    line["time"] = rfc3339(time_us);
    line["level"] = to_string(level);
    line["message"] = message;
    for (const LogField& field : fields) line[std::string(field.key)] = json_value(field);
    return dump(line);
  }
  std::string line = fmt::format("{} {:<5} ", rfc3339(time_us), to_string(level));
  for (const char c : message) line += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  for (const LogField& field : fields) line += fmt::format(" {}={}", field.key, text_value(field));
  return line;
}

}  // namespace weir
