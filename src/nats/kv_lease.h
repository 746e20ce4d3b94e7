#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/status.h"
#include "nats/holder_lock.h"
#include "ports/key_value.h"
#include "ports/lease.h"

namespace weir::nats {

/// What the KV holds under lease_key(): docs/formats/nats.md.
struct LeaseEntry {
  int64_t epoch = 0;
  std::string holder;  ///< Unique to one KvLease object of one process.
  std::string place;   ///< HolderLock::place() of the holder; empty without one.
  bool held = false;   ///< False: released.
};

[[nodiscard]] std::string to_json(const LeaseEntry& entry);
/// kInvalidArgument when `text` is not such an entry.
[[nodiscard]] Result<LeaseEntry> parse_lease_entry(std::string_view text);

/// "lease/<stream>/<shard>", the stream's name as key_part().
[[nodiscard]] std::string lease_key(std::string_view stream, int32_t shard);

struct KvLeaseOptions {
  std::string stream;
  int32_t shard = 0;
  std::string holder;  ///< Unique per process start, also readable: "<host>:<pid>:<random>".
  std::chrono::milliseconds lease_timeout{10'000};
};

/// "<host>:<pid>:<random>" for KvLeaseOptions::holder.
[[nodiscard]] std::string new_holder_name();

/// Waits `time`, less when stopped. Simulation moves its virtual clock instead.
using WaitFor = std::function<void(std::chrono::milliseconds time, const std::stop_token& stop)>;
[[nodiscard]] WaitFor real_wait();

/// Lease on one entry of a KeyValue store, by compare-and-set. Deterministic given the store, the clock and `wait`.
///
/// Taken over: no entry; a released one; one whose revision stood still for lease_timeout on OUR clock while we could
/// read it; or one whose holder lived at our place and no longer holds its lock. The new epoch is above the entry's and
/// above `at_least`.
///
/// One thread at a time; `store` and `clock` must outlive it.
class KvLease final : public Lease {
 public:
  /// `lock`: null where there is no data folder (simulation).
  KvLease(KeyValue& store, const Clock& clock, WaitFor wait, KvLeaseOptions options, std::unique_ptr<HolderLock> lock);

  [[nodiscard]] Result<Epoch> acquire(Epoch at_least, std::stop_token stop) override;

  /// Also kUnavailable when the store cannot be asked: go on, the stores' fences hold; and renew again.
  [[nodiscard]] Status renew() override;

  /// Ok also when somebody else has it already.
  [[nodiscard]] Status release() override;

 private:
  /// How long an entry has stood still, as far as we have seen.
  struct Observation {
    uint64_t revision = 0;
    std::chrono::steady_clock::time_point since;
  };

  [[nodiscard]] Result<std::optional<Epoch>> try_acquire(Epoch at_least, std::optional<Observation>& seen);
  [[nodiscard]] bool may_take(const LeaseEntry& entry, uint64_t revision, std::optional<Observation>& seen);
  [[nodiscard]] Status write(Epoch epoch, bool held, uint64_t expected);
  [[nodiscard]] Status write_ours(bool held);

  KeyValue& store_;
  const Clock& clock_;
  const WaitFor wait_;
  const KvLeaseOptions options_;
  const std::string key_;
  const std::unique_ptr<HolderLock> lock_;
  Epoch epoch_;            ///< Ours; 0 when we hold nothing.
  uint64_t revision_ = 0;  ///< Of our last write.
};

}  // namespace weir::nats
