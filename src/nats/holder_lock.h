#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "base/status.h"

namespace weir::nats {

/// Tells processes on one host that a shard's holder of this place is gone, without waiting for its lease to time out.
class HolderLock {
 public:
  virtual ~HolderLock() = default;
  /// Names host and data folder; the same for every process that can see this lock.
  [[nodiscard]] virtual const std::string& place() const = 0;
  /// True when this process holds the lock now: no other process of this place is alive and holding it.
  [[nodiscard]] virtual bool try_hold() = 0;
  virtual void let_go() = 0;
};

/// HolderLock by flock(2) on `<data_dir>/locks/<name>.lock`, which the kernel releases when the holder dies.
/// Thread-safe.
class FileLock final : public HolderLock {
 public:
  /// Makes folder and file if absent. kInvalidArgument when they cannot be made.
  [[nodiscard]] static Result<std::unique_ptr<FileLock>> open(const std::filesystem::path& data_dir,
                                                              const std::string& name);
  ~FileLock() override;
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

  [[nodiscard]] const std::string& place() const override { return place_; }
  [[nodiscard]] bool try_hold() override;
  void let_go() override;

 private:
  FileLock(int descriptor, std::string place) : descriptor_(descriptor), place_(std::move(place)) {}

  const int descriptor_;
  const std::string place_;
};

}  // namespace weir::nats
