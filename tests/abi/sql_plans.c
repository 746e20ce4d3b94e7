#include "sql_plans.h"

#include "expectations.h"
#include "flights_table.h"

const column kInput[kInputColumns] = {
    {"id", "l", 1},     {"name", "u", 1},     {"small", "C", 1},  {"zero", "l", 1},
    {"digits", "u", 1}, {"at", "tsu:UTC", 1}, {"_shard", "i", 0}, {"_seq", "l", 0},
};

weir_plan* compile_plan(const char* sql, struct ArrowSchema* out) {
  struct ArrowSchema input;
  make_schema(&input, kInput, kInputColumns);
  weir_plan* plan = weir_plan_compile(g_engine, &input, sql, out, &g_status);
  CHECK(input.release == NULL);
  return plan;
}

void run_plan(weir_plan* plan, int64_t first, int64_t n, struct ArrowArray* out) {
  struct ArrowArray batch;
  make_batch(&batch, kInput, kInputColumns, first, n);
  weir_plan_run(plan, &batch, out, &g_status);
  CHECK(batch.release == NULL);
}
