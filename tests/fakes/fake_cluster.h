#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "cluster/committable_store.h"
#include "cluster/staged_transform.h"
#include "tests/fakes/fake_lake_state.h"
#include "tests/fakes/fake_stream.h"
#include "tests/fakes/faults.h"

namespace weir::fakes {

/// What outlives a driver: committables by job, and executions that go on whatever became of their job.
struct ClusterState {
  std::map<std::string, std::vector<cluster::Committable>> left;
  std::vector<std::function<void()>> running;
  int executions = 0;
  int doubled = 0;   ///< Parts that were done more than once.
  int lost = 0;      ///< Executions that left files and no committable, or nothing at all.
  int overdue = 0;   ///< That went on after their job was over.
};

/// The folder of committables of one table, as one process reaches it.
class FakeCommittables final : public cluster::CommittableStore {
 public:
  FakeCommittables(ClusterState& state, Faults faults) : state_(state), faults_(std::move(faults)) {}

  Status put(const std::string& job, const cluster::Committable& committable) override;
  Result<std::vector<cluster::Committable>> of_job(const std::string& job) override;
  Status remove(const std::string& job) override;
  Status sweep() override;

 private:
  ClusterState& state_;
  Faults faults_;
};

/// A scheduler and executors that do to a part what the law of docs/ARCHITECTURE.md allows: once, twice, later, in part or not
/// at all; and that answer for the job whatever they like.
class FakeCluster final : public cluster::JobRunner {
 public:
  FakeCluster(ClusterState& state, const StreamHistory& stream, LakeState& lake, LakeState& dead_letters, Faults faults,
              std::function<int64_t(int64_t below)> draw)
      : state_(state), stream_(stream), lake_(lake), dead_letters_(dead_letters), faults_(std::move(faults)), draw_(std::move(draw)) {}

  Result<int32_t> tasks() override;
  Status run(const std::string& spec, const std::vector<std::string>& parts,
             const std::function<bool()>& unwanted) override;

  /// Of the work of an executor, in per cent, what does not end as one committable within its job.
  int64_t trouble_percent = 25;

 private:
  void execute(const std::string& job, const cluster::Part& part, bool leaves_committable);

  ClusterState& state_;
  const StreamHistory& stream_;
  LakeState& lake_;
  LakeState& dead_letters_;
  Faults faults_;
  const std::function<int64_t(int64_t below)> draw_;
};

}  // namespace weir::fakes
