// P4: the engine's half of the lake benchmark; bench/lake_bench.py is the other one.
//   lake_bench write ROWS.arrow FOLDER sync|nosync          all rows into one commit
//   lake_bench commits ROWS.arrow FOLDER COMMITS ROWS_EACH  synced commits, a checkpoint every 20, as `weir run` does
// ROWS.arrow is an Arrow IPC file, read before the clock starts; FOLDER must not exist. Prints JSON.
#include <arrow/io/file.h>
#include <arrow/ipc/reader.h>
#include <arrow/record_batch.h>
#include <time.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "engine/delta_table.h"
#include "engine/engine.h"

namespace {

using Batches = std::vector<std::shared_ptr<arrow::RecordBatch>>;
using Clock = std::chrono::steady_clock;

constexpr int kCheckpointCommits = 20;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// Of all threads of the process: what other processes do in between is not counted.
double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

arrow::Result<Batches> read_rows(const std::string& path) {
  ARROW_ASSIGN_OR_RAISE(const auto file, arrow::io::ReadableFile::Open(path));
  ARROW_ASSIGN_OR_RAISE(const auto reader, arrow::ipc::RecordBatchFileReader::Open(file));
  Batches batches;
  for (int i = 0; i < reader->num_record_batches(); ++i) {
    ARROW_ASSIGN_OR_RAISE(batches.emplace_back(), reader->ReadRecordBatch(i));
  }
  return batches;
}

weir::Result<std::unique_ptr<weir::engine::DeltaTable>> new_table(const weir::engine::Engine& engine,
                                                                  const std::string& folder,
                                                                  const arrow::Schema& schema, bool sync) {
  return weir::engine::DeltaTable::create(
      engine, "file://" + folder, {.sync = sync}, schema,
      {.partition_columns = {},
       .properties = {{"delta.dataSkippingStatsColumns", "_shard,_seq,_row,_time,_subject"}},
       .txns = {},
       .description = {}});
}

weir::Status write(const Batches& rows, const std::string& folder, bool sync) {
  WEIR_ASSIGN_OR_RETURN(const auto engine, weir::engine::Engine::open({}));
  WEIR_ASSIGN_OR_RETURN(const auto table, new_table(*engine, folder, *rows.front()->schema(), sync));
  int64_t count = 0;
  for (const auto& batch : rows) count += batch->num_rows();
  const auto started = Clock::now();
  const double cpu = cpu_seconds();
  WEIR_ASSIGN_OR_RETURN(const auto snapshot, table->snapshot());
  WEIR_ASSIGN_OR_RETURN(const auto files, table->write(rows.front()->schema(), rows, {}));
  WEIR_ASSIGN_OR_RETURN(const auto committed, table->commit(*snapshot, files.get(), {{"bench", 1}}, ""));
  std::printf("{\"rows\":%lld,\"seconds\":%.4f,\"cpu_s\":%.4f,\"bytes\":%lld}\n", static_cast<long long>(count),
              seconds_since(started), cpu_seconds() - cpu, static_cast<long long>(files->bytes()));
  return weir::ok_status();
}

weir::Status commits(const Batches& rows, const std::string& folder, int count, int64_t rows_each) {
  WEIR_ASSIGN_OR_RETURN(const auto engine, weir::engine::Engine::open({}));
  WEIR_ASSIGN_OR_RETURN(const auto table, new_table(*engine, folder, *rows.front()->schema(), /*sync=*/true));
  WEIR_ASSIGN_OR_RETURN(auto snapshot, table->snapshot());
  std::string write_ms;
  std::string commit_ms;
  for (int i = 0; i < count; ++i) {
    const auto batch = rows[static_cast<size_t>(i) % rows.size()]->Slice(0, rows_each);
    const auto started = Clock::now();
    WEIR_ASSIGN_OR_RETURN(const auto files, table->write(batch->schema(), Batches{batch}, {}));
    const auto written = Clock::now();
    WEIR_ASSIGN_OR_RETURN(snapshot, table->commit(*snapshot, files.get(), {{"bench", i}}, ""));
    const std::string comma = i == 0 ? "" : ",";
    commit_ms += comma + std::to_string(seconds_since(written) * 1e3);
    write_ms += comma + std::to_string(std::chrono::duration<double>(written - started).count() * 1e3);
    if ((i + 1) % kCheckpointCommits != 0) continue;
    WEIR_RETURN_IF_ERROR(table->checkpoint().status());
    WEIR_ASSIGN_OR_RETURN(snapshot, table->snapshot());
  }
  std::printf("{\"write_ms\":[%s],\"commit_ms\":[%s]}\n", write_ms.c_str(), commit_ms.c_str());
  return weir::ok_status();
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  if (!(mode == "write" && argc == 5) && !(mode == "commits" && argc == 6)) {
    std::fprintf(stderr,
                 "usage: lake_bench write ROWS.arrow FOLDER sync|nosync\n"
                 "       lake_bench commits ROWS.arrow FOLDER COMMITS ROWS_EACH\n");
    return 2;
  }
  const auto rows = read_rows(argv[2]);
  if (!rows.ok()) {
    std::fprintf(stderr, "%s: %s\n", argv[2], rows.status().ToString().c_str());
    return 1;
  }
  const auto status = mode == "write" ? write(*rows, argv[3], std::string(argv[4]) == "sync")
                                      : commits(*rows, argv[3], std::atoi(argv[4]), std::atoll(argv[5]));
  if (status.ok()) return 0;
  std::fprintf(stderr, "%s\n", status.to_string().c_str());
  return 1;
}
