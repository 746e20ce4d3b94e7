#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "app/services.h"
#include "app/table_follower.h"

namespace weir::app {

struct FollowersOptions {
  bool until_caught_up = false;
  /// What has become of a table that reads from a stream. Called from any thread.
  std::function<SourceEnd(const std::string& table)> stream_end;
  std::function<void(bool hot, double seconds)> visible;  ///< See ShardOptions::visible. May be empty.
};

/// The tables of a running pipeline that follow other tables, each in a thread of its own, so that none waits for another's
/// lease. One ends when the table it follows has ended and everything of that is taken; it is opened again when its section
/// of the file or the columns of its source change. What it is given must outlive it. start(), reload(),
/// restart_changed() and the destructor belong to one thread; the rest is thread-safe.
class Followers {
 public:
  Followers(Services& services, const PipelineConfig& config, Telemetry telemetry, FollowersOptions options);
  ~Followers();

  void start(const std::stop_token& stop);
  /// Takes added tables and changed ones from a pipeline file that was read again. True: there were some.
  bool reload(const PipelineConfig& file, const std::stop_token& stop);
  /// Starts those again that had ended, when a changed file asks for something else or their source is back. Called now and
  /// then.
  void restart_changed(const std::stop_token& stop);
  [[nodiscard]] bool ended() const;
  [[nodiscard]] bool fenced() const { return fenced_; }
  void drain();

  /// Calls `take` for every table that is open; none comes or goes meanwhile.
  void for_each(const std::function<void(const TableFollower&)>& take) const;
  /// Tables that are not open yet, or failed to.
  [[nodiscard]] std::vector<std::string> waiting() const;

  /// How each of them ended, and whether all of them had caught up. Requires: ended().
  [[nodiscard]] std::vector<Status> results() const;
  [[nodiscard]] bool goals_reached() const;

 private:
  /// A table and the one it follows, as a file has them.
  struct Sections {
    TableSection table;
    TableSection source;
  };
  struct Slot {
    Sections sections;                        ///< Guarded by mutex_, like the next two.
    std::optional<Sections> next;             ///< What a changed file asks for, until taken.
    std::unique_ptr<TableFollower> follower;  ///< Changed by its thread only.
    std::atomic<bool> ended{false};
    Status result;  ///< Read after `ended`.
    std::jthread thread;
  };

  void start_slot(Slot& slot, const std::stop_token& stop);
  void run(Slot& slot, const std::stop_token& stop);
  Status open(Slot& slot, const Sections& sections, const std::stop_token& stop);
  bool take_next(Slot& slot);
  [[nodiscard]] SourceEnd end_of(const std::string& table) const;

  Services& services_;
  const PipelineConfig& config_;
  Telemetry telemetry_;
  const FollowersOptions options_;
  std::atomic<bool> fenced_{false};
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<Slot>> slots_;  // Guarded by mutex_. Last: their threads use everything above.
};

}  // namespace weir::app
