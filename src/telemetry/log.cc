#include "telemetry/log.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/ansicolor_sink.h>

#include <atomic>
#include <limits>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "telemetry/log_line.h"

namespace weir {
namespace {

// Distinct messages remembered at once. Messages are constants of the program, so this is never reached unless somebody
// put a variable into a message; then repetition is forgotten rather than memory spent.
constexpr size_t kMessagesMax = 1024;

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug: return spdlog::level::debug;
    case LogLevel::kInfo: return spdlog::level::info;
    case LogLevel::kWarn: return spdlog::level::warn;
    case LogLevel::kError: return spdlog::level::err;
  }
  return spdlog::level::err;
}

class StderrOutput final : public LogOutput {
 public:
  StderrOutput() : logger_("weir", std::make_shared<spdlog::sinks::ansicolor_stderr_sink_mt>()) {
    logger_.set_pattern("%^%v%$");  // Lines come finished; colour only where stderr is a terminal.
    logger_.set_level(spdlog::level::trace);
    logger_.set_error_handler([](const std::string&) {});  // A closed stderr must not stop the pipeline.
  }
  void write(LogLevel level, std::string_view line) override {
    logger_.log(spdlog_level(level), spdlog::string_view_t(line.data(), line.size()));
  }
  void flush() override { logger_.flush(); }

 private:
  spdlog::logger logger_;
};

class NoOutput final : public LogOutput {
 public:
  void write(LogLevel, std::string_view) override {}
  void flush() override {}
};

template <typename T, size_t n>
Result<T> parse_choice(std::string_view what, std::string_view text,
                       const std::pair<std::string_view, T> (&choices)[n]) {
  std::string names;
  for (const auto& [name, value] : choices) {
    if (text == name) return value;
    names += (names.empty() ? "" : ", ") + std::string(name);
  }
  return invalid_argument(std::string(what) + " \"" + std::string(text) + "\" is none of " + names);
}

}  // namespace

/// Counts equal messages per window. Thread-safe.
class Logger::Repetitions {
 public:
  struct HeldBack {
    LogLevel level;
    std::string message;
    int64_t count;
  };

  Repetitions(int32_t repeats_max, std::chrono::milliseconds window) : repeats_max_(repeats_max), window_(window) {}

  /// True when the message may be written now.
  bool admit(LogLevel level, std::string_view message, std::chrono::steady_clock::time_point now) {
    const std::lock_guard lock(mutex_);
    if (entries_.size() >= kMessagesMax) entries_.clear();
    Entry& entry = entries_[key(level, message)];
    if (entry.seen == 0) entry = {level, 0, now};
    if (++entry.seen <= repeats_max_) return true;
    ++suppressed_total_;
    return false;
  }

  /// Forgets windows that ended before `now` and returns what they held back. Looks at most once per window.
  std::vector<HeldBack> take_ended(std::chrono::steady_clock::time_point now) {
    const std::lock_guard lock(mutex_);
    std::vector<HeldBack> ended;
    if (now < next_look_) return ended;
    next_look_ = now + window_;  // Whatever is admitted from here on opens a window that ends no earlier.
    for (auto it = entries_.begin(); it != entries_.end();) {
      if (const auto end = it->second.first_seen + window_; now < end) {
        next_look_ = std::min(next_look_, end);
        ++it;
        continue;
      }
      if (it->second.seen > repeats_max_) {
        ended.push_back({it->second.level, it->first.substr(1), it->second.seen - repeats_max_});
      }
      it = entries_.erase(it);
    }
    return ended;
  }

  [[nodiscard]] int64_t suppressed_total() const { return suppressed_total_; }

 private:
  struct Entry {
    LogLevel level = LogLevel::kInfo;
    int64_t seen = 0;
    std::chrono::steady_clock::time_point first_seen;
  };

  static std::string key(LogLevel level, std::string_view message) {
    return static_cast<char>('0' + static_cast<int>(level)) + std::string(message);
  }

  const int64_t repeats_max_;
  const std::chrono::milliseconds window_;
  std::mutex mutex_;
  std::unordered_map<std::string, Entry> entries_;
  std::chrono::steady_clock::time_point next_look_;
  std::atomic<int64_t> suppressed_total_{0};
};

Result<LogLevel> parse_log_level(std::string_view text) {
  static constexpr std::pair<std::string_view, LogLevel> kChoices[] = {
      {"debug", LogLevel::kDebug}, {"info", LogLevel::kInfo}, {"warn", LogLevel::kWarn}, {"error", LogLevel::kError}};
  return parse_choice("log level", text, kChoices);
}

Result<LogFormat> parse_log_format(std::string_view text) {
  static constexpr std::pair<std::string_view, LogFormat> kChoices[] = {{"text", LogFormat::kText},
                                                                        {"json", LogFormat::kJson}};
  return parse_choice("log format", text, kChoices);
}

std::unique_ptr<Logger> Logger::to_stderr(const LogOptions& options, const Clock& clock) {
  return to_output(options, clock, std::make_unique<StderrOutput>());
}

std::unique_ptr<Logger> Logger::to_output(const LogOptions& options, const Clock& clock,
                                          std::unique_ptr<LogOutput> output) {
  return std::unique_ptr<Logger>(new Logger(options, clock, std::move(output)));
}

std::unique_ptr<Logger> Logger::discard() { return to_output({}, system_clock(), std::make_unique<NoOutput>()); }

Logger::Logger(const LogOptions& options, const Clock& clock, std::unique_ptr<LogOutput> output)
    : options_(options),
      clock_(clock),
      output_(std::move(output)),
      repetitions_(std::make_unique<Repetitions>(options.repeats_max, options.repeat_window)) {}

Logger::~Logger() {
  // A year from now every window is over.
  for (const auto& held : repetitions_->take_ended(clock_.now() + std::chrono::hours(24 * 365))) {
    write(held.level, held.message, {{"suppressed", held.count}});
  }
  output_->flush();
}

void Logger::log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) {
  if (level < options_.level) return;
  const auto now = clock_.now();
  for (const auto& held : repetitions_->take_ended(now)) write(held.level, held.message, {{"suppressed", held.count}});
  if (repetitions_->admit(level, message, now)) write(level, message, fields);
}

void Logger::write(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) {
  output_->write(level, format_log_line(options_.format, clock_.unix_us(), level, message, fields));
  if (level >= LogLevel::kWarn) output_->flush();
}

int64_t Logger::suppressed_total() const { return repetitions_->suppressed_total(); }

std::string without_credentials(std::string_view url) {
  const size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return std::string(url);
  const size_t host = scheme + 3;
  const size_t authority_end = std::min(url.find_first_of("/?#", host), url.size());
  const size_t at = url.substr(0, authority_end).rfind('@');
  if (at == std::string_view::npos || at < host) return std::string(url);
  return std::string(url.substr(0, host)) + std::string(url.substr(at + 1));
}

}  // namespace weir
