#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace weir {

/// A fixed number of threads with a bounded queue: add() waits while it is full, so that connections queue in the
/// kernel, which bounds them too. Thread-safe.
class WorkerPool {
 public:
  WorkerPool(int threads, size_t waiting_max);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  /// Requires: not finished.
  void add(std::function<void()> job);

  /// Runs every job that was added and joins. May be called again.
  void finish();

 private:
  void work();

  const size_t waiting_max_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> jobs_;
  bool finishing_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace weir
