#include "tests/fakes/fake_cluster.h"

#include <utility>

namespace weir::fakes {
namespace {

// As FakeFiles of fake_lake_table.cc describes itself.
std::vector<std::string> written(LakeState& lake, const std::vector<RowId>& ids) {
  if (ids.empty()) return {};
  std::string text = std::to_string(ids.size());
  for (const FileId file : lake.write({rows_of(ids)})) text += " " + std::to_string(file);
  return {text};
}

}  // namespace

Status FakeCommittables::put(const std::string& job, const cluster::Committable& committable) {
  state_.left[job].push_back(committable);
  return ok_status();
}

Result<std::vector<cluster::Committable>> FakeCommittables::of_job(const std::string& job) {
  const Fate fate = faults_.fate("committables.list");
  if (fate == Fate::kKilledBefore || fate == Fate::kKilledAfter) throw Killed{faults_.process};
  if (fate != Fate::kDone) return unavailable("committables.list");
  const auto found = state_.left.find(job);
  return found == state_.left.end() ? std::vector<cluster::Committable>() : found->second;
}

Status FakeCommittables::remove(const std::string& job) {
  const Fate fate = faults_.fate("committables.remove");
  if (fate == Fate::kKilledBefore) throw Killed{faults_.process};
  if (fate != Fate::kUnavailable && fate != Fate::kLostRequest) state_.left.erase(job);
  if (fate == Fate::kKilledAfter) throw Killed{faults_.process};
  return fate == Fate::kDone ? ok_status() : unavailable("committables.remove");
}

Status FakeCommittables::sweep() {
  state_.left.clear();
  return ok_status();
}

Result<int32_t> FakeCluster::tasks() {
  const Fate fate = faults_.fate("cluster.tasks");
  if (fate == Fate::kKilledBefore || fate == Fate::kKilledAfter) throw Killed{faults_.process};
  if (fate != Fate::kDone) return unavailable("cluster.tasks");
  return static_cast<int32_t>(1 + draw_(4));
}

void FakeCluster::execute(const std::string& job, const cluster::Part& part, bool leaves_committable) {
  ++state_.executions;
  cluster::Committable made{.part = part, .execution = std::to_string(state_.executions)};
  std::vector<RowId> rows;
  std::vector<RowId> rejects;
  for (Seq seq = part.range.first; seq <= part.range.last; seq = seq + 1) {
    const EventKind kind = stream_.events[static_cast<size_t>(seq.value - 1)];
    if (kind == EventKind::kHole) continue;
    ++made.events;
    made.last_event = seq;
    made.last_time_us = seq.value;
    if (kind == EventKind::kRow) rows.push_back({seq, 0});
    if (kind == EventKind::kReject) rejects.push_back({seq, 0});
    if (kind == EventKind::kFiltered) ++made.filtered;
  }
  made.staged.files = written(lake_, rows);
  made.staged.reject_files = written(dead_letters_, rejects);
  made.staged.rejects = static_cast<int64_t>(rejects.size());
  if (leaves_committable) state_.left[job].push_back(std::move(made));
}

Status FakeCluster::run(const std::string& spec, const std::vector<std::string>& parts, const std::function<bool()>&) {
  const Fate fate = faults_.fate("cluster.run");
  if (fate == Fate::kKilledBefore) throw Killed{faults_.process};
  // Tasks of jobs before, cancelled or not, whose driver may be dead.
  for (size_t i = state_.running.size(); i-- > 0;) {
    if (draw_(2) == 0) continue;
    const auto task = std::exchange(state_.running[i], {});
    state_.running.erase(state_.running.begin() + static_cast<std::ptrdiff_t>(i));
    ++state_.overdue;
    task();
  }
  if (fate == Fate::kUnavailable || fate == Fate::kLostRequest) return unavailable("cluster.run");
  for (const std::string& text : parts) {
    const auto part = *cluster::part_from_json(text);
    const int64_t luck = draw_(100);
    if (luck >= trouble_percent) {
      execute(spec, part, true);
      continue;
    }
    switch (luck % 5) {
      case 0: ++state_.lost; break;
      case 1: ++state_.lost; execute(spec, part, false); break;
      case 2: state_.running.emplace_back([this_job = spec, part, &state = state_, &stream = stream_, &lake = lake_,
                                           &dead_letters = dead_letters_] {
                FakeCluster(state, stream, lake, dead_letters, {}, {}).execute(this_job, part, true);
              });
              break;
      default: ++state_.doubled; execute(spec, part, true); execute(spec, part, true); break;
    }
  }
  if (fate == Fate::kKilledAfter) throw Killed{faults_.process};
  return fate == Fate::kDone ? ok_status() : unavailable("cluster.run");
}

}  // namespace weir::fakes
