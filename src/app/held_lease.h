#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "app/services.h"
#include "nats/kv_lease.h"

namespace weir::app {

/// Whose epochs a lease gives out. A table's ledgers may be reached under two leases, its stream's and, while it is being
/// filled beside the running process, one of its own. Odd and even keep the two apart, so that no two holders ever have the
/// same epoch, and it can be told from a ledger which of the two wrote there last.
enum class EpochKind : int {
  kStream = 0,  ///< Even.
  kTable = 1,   ///< Odd.
};

/// Name of the lease of one table alone, in the place of a stream's name. No stream's name has a slash.
[[nodiscard]] std::string table_lease_name(std::string_view table);

struct HeldLeaseOptions {
  std::string name;  ///< The stream's, or table_lease_name().
  EpochKind kind = EpochKind::kStream;
  std::string pipeline;
  std::filesystem::path data_dir;
  std::chrono::milliseconds lease_timeout{10'000};
};

[[nodiscard]] HeldLeaseOptions stream_lease(const PipelineConfig& config, std::string stream);
[[nodiscard]] HeldLeaseOptions table_lease(const PipelineConfig& config, std::string_view table);
/// The one under which a table's positions move while it is live: its stream's, or its own when it follows another table.
[[nodiscard]] HeldLeaseOptions lease_of(const PipelineConfig& config, const TableSection& section);

/// A lease from the moment it is taken until it is let go or lost: a thread of its own renews it. The services and the
/// telemetry must outlive it. Thread-safe, except that take() comes first and once.
class HeldLease {
 public:
  /// Nothing is taken yet. kInvalidArgument: the lock file cannot be made below data_dir.
  [[nodiscard]] static Result<std::unique_ptr<HeldLease>> open(Services& services, Telemetry telemetry,
                                                               HeldLeaseOptions options);
  /// Lets go.
  ~HeldLease();

  /// The epoch of the holder who is there now and alive; empty when nobody is. Waits up to lease_timeout for a sign of
  /// life, unless the lock file tells at once. kShuttingDown: stopped.
  [[nodiscard]] Result<std::optional<Epoch>> living_holder(const std::stop_token& stop);

  /// Waits until the lease is ours; the epoch is above `at_least`. kShuttingDown: stopped.
  [[nodiscard]] Result<Epoch> take(Epoch at_least, const std::stop_token& stop);

  /// Calls `lost` once, from the renewing thread, when another holder has taken it; at once when that was before.
  void when_lost(std::function<void(const Status&)> lost);

  /// Why it is another's now; empty while it is ours.
  [[nodiscard]] std::optional<Status> lost() const;

  /// The caller learnt from a store that a newer holder is there: the lease is not touched any more.
  void note_lost(const Status& status);

  /// Lets the next holder in at once. A lease that was lost is the other's now and is left alone. Idempotent.
  void let_go();

 private:
  HeldLease(Services& services, Telemetry telemetry, HeldLeaseOptions options);
  void keep(const std::stop_token& stop);

  Services& services_;
  Telemetry telemetry_;
  const HeldLeaseOptions options_;
  std::unique_ptr<nats::HolderLock> peek_lock_;  // Of the same file as the lease's own; only to look whether it is held.
  std::unique_ptr<nats::KvLease> lease_;
  mutable std::mutex mutex_;
  std::optional<Status> lost_;                      // Guarded by mutex_.
  std::function<void(const Status&)> lost_called_;  // Likewise.
  std::jthread keeper_;                             // Last: it uses everything above.
};

}  // namespace weir::app
