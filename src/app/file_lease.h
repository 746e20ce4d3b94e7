#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "app/services.h"
#include "nats/kv_lease.h"

namespace weir::app {

/// The right to load files into one table: two loaders of a table exclude each other, live ingest goes on beside them.
/// Renewed by a thread of its own until it is destroyed. The services and the configuration must outlive it.
class FileLease {
 public:
  /// Waits until no other loader has it; says so in the log. The epoch is above `at_least`. kShuttingDown when stopped.
  [[nodiscard]] static Result<std::unique_ptr<FileLease>> take(Services& services, const PipelineConfig& config,
                                                               Telemetry telemetry, const std::string& table,
                                                               Epoch at_least, const std::stop_token& stop);
  /// Lets the next loader in.
  ~FileLease();

  [[nodiscard]] Epoch epoch() const { return epoch_; }
  /// kFenced once another loader has taken it. Any thread.
  [[nodiscard]] Status check() const;

 private:
  FileLease(Telemetry telemetry, std::string table) : telemetry_(telemetry), table_(std::move(table)) {}
  void keep(std::chrono::milliseconds interval, const std::stop_token& stop);

  Telemetry telemetry_;
  const std::string table_;
  std::unique_ptr<nats::KvLease> lease_;
  Epoch epoch_;
  mutable std::mutex mutex_;
  std::optional<Status> lost_;  // Guarded by mutex_.
  std::jthread keeper_;         // Last: it uses everything above.
};

}  // namespace weir::app
