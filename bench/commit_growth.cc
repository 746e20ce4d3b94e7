// P11: what a commit costs as the table grows older, by the commit protocol that `weir run` uses.
//   commit_growth FOLDER COMMITS ROWS_EACH MAINTAIN_EVERY
// Commits of ROWS_EACH rows each, synced, with a checkpoint every 20. With MAINTAIN_EVERY > 0 a second thread maintains the
// table, as inside `weir run`, once that many commits were made since the last time. FOLDER must not exist. Prints JSON.
#include <arrow/builder.h>
#include <arrow/record_batch.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "lake/delta_lake_table.h"
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

double ms_since(Clock::time_point start) { return std::chrono::duration<double, std::milli>(Clock::now() - start).count(); }

weir::Status grow(const std::string& folder, int commits, int64_t rows_each) {
  WEIR_ASSIGN_OR_RETURN(const auto engine, weir::engine::Engine::open({}));
  weir::lake::LakeOptions options;
  options.url = "file://" + folder;
  WEIR_ASSIGN_OR_RETURN(const auto table,
                        weir::lake::DeltaLakeTable::open_or_create(
                            *engine, options,
                            weir::lake::rows_definition(plan(), {.pipeline = "bench", .stream = "G", .shards = 1}, weir::Seq{1})));
  weir::pipeline::LakeLedger ledger(*table, weir::position_app_id("growth", 0), weir::Epoch{1});
  WEIR_ASSIGN_OR_RETURN(weir::Seq position, ledger.take_over());
  std::string write_ms;
  std::string commit_ms;
  std::string checkpoint_ms;
  for (int i = 0; i < commits; ++i) {
    const auto batch = rows(position.value + 1, rows_each);
    if (!batch.ok()) return weir::internal_error(batch.status().ToString());
    const auto started = Clock::now();
    WEIR_ASSIGN_OR_RETURN(const auto files, table->write_files({*batch}));
    const auto written = Clock::now();
    const weir::Seq last{position.value + rows_each};
    WEIR_RETURN_IF_ERROR(ledger.commit(position, last, files.get(), {{ledger.app_id_of("events"), last.value}}, "{}"));
    position = last;
    const std::string comma = i == 0 ? "" : ",";
    commit_ms += comma + std::to_string(ms_since(written));
    write_ms += comma + std::to_string(std::chrono::duration<double, std::milli>(written - started).count());
    if ((i + 1) % kCheckpointCommits != 0) continue;
    const auto before = Clock::now();
    WEIR_RETURN_IF_ERROR(table->checkpoint());
    WEIR_RETURN_IF_ERROR(ledger.reopen());
    checkpoint_ms += (checkpoint_ms.empty() ? "" : ",") + std::to_string(ms_since(before));
  }
  std::printf("{\"write_ms\":[%s],\"commit_ms\":[%s],\"checkpoint_ms\":[%s]}\n", write_ms.c_str(), commit_ms.c_str(), checkpoint_ms.c_str());
  return weir::ok_status();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: commit_growth FOLDER COMMITS ROWS_EACH MAINTAIN_EVERY\n");
    return 2;
  }
  const auto status = grow(argv[1], std::atoi(argv[2]), std::atoll(argv[3]));
  if (status.ok()) return 0;
  std::fprintf(stderr, "%s\n", status.to_string().c_str());
  return 1;
}
