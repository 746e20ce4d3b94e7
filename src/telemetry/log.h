#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "base/clock.h"
#include "base/status.h"

namespace weir {

enum class LogLevel : uint8_t { kDebug, kInfo, kWarn, kError };
enum class LogFormat : uint8_t {
  kText,  ///< One line for people: time, level, message, key=value.
  kJson,  ///< One JSON object a line: time, level, message, then the fields.
};

/// "debug", "info", "warn", "error"; kInvalidArgument lists them.
[[nodiscard]] Result<LogLevel> parse_log_level(std::string_view text);
/// "text", "json"; kInvalidArgument lists them.
[[nodiscard]] Result<LogFormat> parse_log_format(std::string_view text);

struct LogOptions {
  LogLevel level = LogLevel::kInfo;  ///< The lowest level that is written.
  LogFormat format = LogFormat::kText;
  /// The same message at the same level is written this often per window; what is more is counted, and the count is
  /// written when the window is over.
  int32_t repeats_max = 5;
  std::chrono::milliseconds repeat_window{10'000};
};

/// One key=value of a log line. Views must live until log() returns. Never a payload, never a credential: keys that
/// name one ("password", "payload", "authorization", ...) have their value replaced.
struct LogField {
  using Value = std::variant<std::string_view, int64_t, double, bool>;

  LogField(std::string_view k, std::string_view v) : key(k), value(v) {}
  LogField(std::string_view k, const std::string& v) : key(k), value(std::string_view(v)) {}
  LogField(std::string_view k, const char* v) : key(k), value(std::string_view(v)) {}
  LogField(std::string_view k, bool v) : key(k), value(v) {}
  LogField(std::string_view k, double v) : key(k), value(v) {}
  template <std::integral T>
  LogField(std::string_view k, T v) : key(k), value(static_cast<int64_t>(v)) {}

  std::string_view key;
  Value value;
};

/// Where finished lines go. Thread-safe.
class LogOutput {
 public:
  virtual ~LogOutput() = default;
  /// `line` has no line end.
  virtual void write(LogLevel level, std::string_view line) = 0;
  virtual void flush() = 0;
};

/// The structured log. `message` is a constant sentence; what varies goes into the fields, because repetition is
/// recognised by the message. Made once in the composition root and passed by reference; must outlive its users.
/// Thread-safe. Stops by destruction, which writes the counts still held back.
class Logger {
 public:
  /// Writes to stderr. `clock` must outlive the logger.
  [[nodiscard]] static std::unique_ptr<Logger> to_stderr(const LogOptions& options, const Clock& clock);
  /// Writes to `output`.
  [[nodiscard]] static std::unique_ptr<Logger> to_output(const LogOptions& options, const Clock& clock,
                                                         std::unique_ptr<LogOutput> output);
  /// Writes nothing.
  [[nodiscard]] static std::unique_ptr<Logger> discard();

  ~Logger();
  Logger(const Logger&) = delete;
  Logger& operator=(const Logger&) = delete;

  void debug(std::string_view message, std::initializer_list<LogField> fields = {}) {
    log(LogLevel::kDebug, message, fields);
  }
  void info(std::string_view message, std::initializer_list<LogField> fields = {}) {
    log(LogLevel::kInfo, message, fields);
  }
  void warn(std::string_view message, std::initializer_list<LogField> fields = {}) {
    log(LogLevel::kWarn, message, fields);
  }
  void error(std::string_view message, std::initializer_list<LogField> fields = {}) {
    log(LogLevel::kError, message, fields);
  }
  void log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields);

  /// Lines held back by the repetition limit since start.
  [[nodiscard]] int64_t suppressed_total() const;

 private:
  class Repetitions;
  Logger(const LogOptions& options, const Clock& clock, std::unique_ptr<LogOutput> output);
  void write(LogLevel level, std::string_view message, std::initializer_list<LogField> fields);

  const LogOptions options_;
  const Clock& clock_;
  const std::unique_ptr<LogOutput> output_;
  const std::unique_ptr<Repetitions> repetitions_;
};

/// `url` without user and password: "https://ana:x@host/p" -> "https://host/p". What is no URL comes back unchanged.
[[nodiscard]] std::string without_credentials(std::string_view url);

}  // namespace weir
