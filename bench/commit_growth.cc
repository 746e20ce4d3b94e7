// P11: what a commit costs as the table grows older, by the commit protocol that `weir run` uses.
//   commit_growth FOLDER COMMITS ROWS_EACH MAINTAIN_EVERY
// Commits of ROWS_EACH rows each, synced, with a checkpoint every 20. With MAINTAIN_EVERY > 0 a second thread maintains the
// table, as inside `weir run`, each time so many commits were made: the commits of ten minutes take half a minute here, so
// it goes by their number. Prints JSON: milliseconds of every commit, and of every file write and checkpoint.
#include <arrow/builder.h>
#include <arrow/record_batch.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <semaphore>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>

#include "engine/engine.h"
#include "lake/delta_lake_table.h"
#include "maintain/table_maintenance.h"
#include "pipeline/lake_ledger.h"
#include "schema/table_schema.h"

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kCheckpointCommits = 20;

weir::Plan plan() {
  weir::Plan plan;
  plan.table = "growth";
  plan.rows = {{.name = "n", .type = *weir::parse_column_type("int64"), .nullable = false}};
  plan.order_by = {"n"};
  return plan;
}

arrow::Result<std::shared_ptr<arrow::RecordBatch>> rows(int64_t first, int64_t count) {
  arrow::Int64Builder n;
  arrow::Int32Builder shards;
  arrow::Int64Builder seqs;
  arrow::Int32Builder ordinals;
  arrow::TimestampBuilder times(arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"), arrow::default_memory_pool());
  arrow::StringBuilder subjects;
  for (int64_t seq = first; seq < first + count; ++seq) {
    ARROW_RETURN_NOT_OK(n.Append(seq));
    ARROW_RETURN_NOT_OK(shards.Append(0));
    ARROW_RETURN_NOT_OK(seqs.Append(seq));
    ARROW_RETURN_NOT_OK(ordinals.Append(0));
    ARROW_RETURN_NOT_OK(times.Append(seq));
    ARROW_RETURN_NOT_OK(subjects.Append("growth.n"));
  }
  arrow::ArrayVector columns;
  for (arrow::ArrayBuilder* builder :
       std::initializer_list<arrow::ArrayBuilder*>{&n, &shards, &seqs, &ordinals, &times, &subjects}) {
    ARROW_ASSIGN_OR_RAISE(columns.emplace_back(), builder->Finish());
  }
  return arrow::RecordBatch::Make(weir::row_arrow_schema(plan()), count, columns);
}

weir::lake::LakeOptions lake_options(const std::string& folder) {
  weir::lake::LakeOptions options;
  options.url = "file://" + folder;
  return options;
}

// A round of upkeep whenever `every` commits were made since the last one began.
class Upkeep {
 public:
  Upkeep(const weir::engine::Engine& engine, std::string folder, int every)
      : engine_(engine), folder_(std::move(folder)), every_(every) {
    if (every_ > 0) thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  }

  void committed() {
    if (++commits_ % std::max(every_, 1) == 0) due_.release();
  }

  [[nodiscard]] int64_t files() const { return files_; }

  ~Upkeep() {
    thread_.request_stop();
    due_.release();
  }

 private:
  void run(const std::stop_token& stop) {
    weir::maintain::Options options;
    options.compaction.closed_after = std::chrono::milliseconds(0);
    for (due_.acquire(); !stop.stop_requested(); due_.acquire()) {
      const auto maintenance =
          weir::maintain::TableMaintenance::open(engine_, weir::system_clock(), lake_options(folder_), "growth", {});
      if (!maintenance.ok()) continue;
      for (const auto& report : (*maintenance)->run(options, stop)) {
        files_ += report.files;
        if (report.outcome == weir::maintain::Outcome::kFailed) std::fprintf(stderr, "%s\n", report.note.c_str());
      }
    }
  }

  const weir::engine::Engine& engine_;
  const std::string folder_;
  const int every_;
  int64_t commits_ = 0;
  std::atomic<int64_t> files_{0};
  std::counting_semaphore<> due_{0};
  std::jthread thread_;
};

class Series {
 public:
  void add(double ms) { text_ += (text_.empty() ? "" : ",") + std::to_string(ms); }
  [[nodiscard]] std::string json() const { return "[" + text_ + "]"; }

 private:
  std::string text_;
};

double ms_since(Clock::time_point start) { return std::chrono::duration<double, std::milli>(Clock::now() - start).count(); }

weir::Status grow(const std::string& folder, int commits, int64_t rows_each, int maintain_every) {
  WEIR_ASSIGN_OR_RETURN(const auto engine, weir::engine::Engine::open({}));
  const weir::lake::TableOwner owner{.pipeline = "bench", .stream = "G", .shards = 1};
  WEIR_ASSIGN_OR_RETURN(const auto table,
                        weir::lake::DeltaLakeTable::open_or_create(
                            *engine, lake_options(folder), weir::lake::rows_definition(plan(), owner, weir::Seq{1})));
  weir::pipeline::LakeLedger ledger(*table, weir::position_app_id("growth", 0), weir::Epoch{1});
  WEIR_ASSIGN_OR_RETURN(weir::Seq position, ledger.take_over());
  Upkeep upkeep(*engine, folder, maintain_every);
  Series write_ms;
  Series commit_ms;
  Series checkpoint_ms;
  for (int i = 0; i < commits; ++i) {
    const auto batch = rows(position.value + 1, rows_each);
    if (!batch.ok()) return weir::internal_error(batch.status().ToString());
    const auto started = Clock::now();
    WEIR_ASSIGN_OR_RETURN(const auto files, table->write_files({*batch}));
    const auto written = Clock::now();
    const weir::Seq last{position.value + rows_each};
    WEIR_RETURN_IF_ERROR(ledger.commit(position, last, files.get(), {{ledger.app_id_of("events"), last.value}}, "{}"));
    position = last;
    commit_ms.add(ms_since(written));
    write_ms.add(std::chrono::duration<double, std::milli>(written - started).count());
    upkeep.committed();
    if ((i + 1) % kCheckpointCommits != 0) continue;
    const auto before = Clock::now();
    WEIR_RETURN_IF_ERROR(table->checkpoint());
    checkpoint_ms.add(ms_since(before));
  }
  std::printf("{\"write_ms\":%s,\"commit_ms\":%s,\"checkpoint_ms\":%s,\"files_removed\":%lld}\n", write_ms.json().c_str(),
              commit_ms.json().c_str(), checkpoint_ms.json().c_str(), static_cast<long long>(upkeep.files()));
  return weir::ok_status();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: commit_growth FOLDER COMMITS ROWS_EACH MAINTAIN_EVERY\n");
    return 2;
  }
  const auto status = grow(argv[1], std::atoi(argv[2]), std::atoll(argv[3]), std::atoi(argv[4]));
  if (status.ok()) return 0;
  std::fprintf(stderr, "%s\n", status.to_string().c_str());
  return 1;
}
