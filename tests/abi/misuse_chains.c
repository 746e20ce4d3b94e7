#include "arrow_rows.h"
#include "chains.h"
#include "expectations.h"
#include "flights_table.h"
#include "sql_plans.h"

#define NULL_GIVES(call)                   \
  do {                                     \
    (void)(call);                          \
    EXPECT(WEIR_INVALID_ARGUMENT, "NULL"); \
  } while (0)

static void null_changes(weir_table* table, const weir_snapshot* s) {
  struct ArrowSchema schema;
  NULL_GIVES((weir_table_maintain(NULL, "checkpoint", NULL, &g_status), 0));
  NULL_GIVES((weir_table_maintain(table, NULL, NULL, &g_status), 0));
  NULL_GIVES(weir_table_set_schema(table, s, NULL, NULL, &g_status));
  make_schema(&schema, kRow, kColumns);
  NULL_GIVES(weir_table_set_schema(NULL, s, &schema, NULL, &g_status));
  CHECK(schema.release == NULL);
  make_schema(&schema, kRow, kColumns);
  NULL_GIVES(weir_table_set_schema(table, NULL, &schema, NULL, &g_status));
}

void chain_nulls(weir_table* table) {
  g_chain = "null arguments";
  struct ArrowSchema schema;
  struct ArrowArray array;
  struct ArrowArrayStream stream;
  int64_t version;
  NULL_GIVES(weir_table_open(NULL, g_table, NULL, &g_status));
  NULL_GIVES(weir_table_open(g_engine, NULL, NULL, &g_status));
  NULL_GIVES(weir_table_create(g_engine, g_table, NULL, NULL, NULL, &g_status));
  make_schema(&schema, kRow, kColumns);
  NULL_GIVES(weir_table_create(NULL, g_table, NULL, &schema, NULL, &g_status));
  CHECK(schema.release == NULL);
  NULL_GIVES(weir_table_snapshot(NULL, -1, -1, &g_status));
  NULL_GIVES((weir_snapshot_describe(NULL, false, &g_status), 0));
  NULL_GIVES(weir_snapshot_txn(NULL, "a", &version, &g_status));
  weir_snapshot* s = newest(table);
  NULL_GIVES(weir_snapshot_txn(s, NULL, &version, &g_status));
  NULL_GIVES(weir_snapshot_txn(s, "a", NULL, &g_status));
  weir_commit_options counted = {NULL, 3, NULL};
  NULL_GIVES(weir_commit(s, NULL, &counted, &g_status));
  NULL_GIVES(weir_commit(NULL, NULL, NULL, &g_status));
  NULL_GIVES(weir_files_write(table, NULL, NULL, &g_status));
  make_source(&stream, (source){kRow, kColumns, 1, 10, 10, -1});
  NULL_GIVES(weir_files_write(NULL, &stream, NULL, &g_status));
  CHECK(stream.release == NULL);
  NULL_GIVES((weir_files_describe(NULL, &g_status), 0));
  null_changes(table, s);
  make_schema(&schema, kInput, kInputColumns);
  NULL_GIVES(weir_plan_compile(g_engine, &schema, NULL, &schema, &g_status));
  make_schema(&schema, kInput, kInputColumns);
  NULL_GIVES(weir_plan_compile(g_engine, &schema, "SELECT * FROM input", NULL, &g_status));
  CHECK(schema.release == NULL);
  make_batch(&array, kInput, kInputColumns, 1, 3);
  NULL_GIVES((weir_plan_run(NULL, &array, &array, &g_status), 0));
  CHECK(array.release == NULL);
  weir_query_table nameless = {NULL, s, NULL, 0};
  NULL_GIVES((weir_query(g_engine, &nameless, 1, "SELECT 1", NULL, &stream, &g_status), 0));
  const char* no_path[] = {NULL};
  weir_query_table pathless = {"t", s, no_path, 1};
  NULL_GIVES((weir_query(g_engine, &pathless, 1, "SELECT 1", NULL, &stream, &g_status), 0));
  NULL_GIVES((weir_query(g_engine, NULL, 0, NULL, NULL, &stream, &g_status), 0));
  NULL_GIVES((weir_query(g_engine, NULL, 0, "SELECT 1", NULL, NULL, &g_status), 0));
  weir_cluster nowhere = {NULL, 1, 1};
  NULL_GIVES((weir_query(g_engine, NULL, 0, "SELECT 1", &nowhere, &stream, &g_status), 0));
  NULL_GIVES((weir_cluster_serve(NULL, "scheduler", "{}", NULL, NULL, &g_status), 0));
  NULL_GIVES((weir_cluster_serve(g_engine, NULL, "{}", NULL, NULL, &g_status), 0));
  NULL_GIVES((weir_cluster_serve(g_engine, "scheduler", NULL, NULL, NULL, &g_status), 0));
  NULL_GIVES((weir_object_put(g_engine, g_lake, NULL, NULL, "x", 1, WEIR_PUT_CREATE, &g_status), 0));
  NULL_GIVES((weir_object_put(g_engine, g_lake, NULL, "x", NULL, 1, WEIR_PUT_CREATE, &g_status), 0));
  NULL_GIVES((weir_object_get(g_engine, NULL, "x", &g_status), 0));
  NULL_GIVES((weir_object_delete(g_engine, g_lake, NULL, NULL, &g_status), 0));
  NULL_GIVES((weir_object_delete(NULL, g_lake, NULL, "x", &g_status), 0));
  NULL_GIVES((weir_object_list(NULL, g_lake, "", &g_status), 0));
  weir_snapshot_free(s);
  make_schema(&schema, kRow, kColumns);
  CHECK(weir_table_create(g_engine, g_table, NULL, &schema, NULL, NULL) == NULL); /* no status */
  CHECK(schema.release == NULL);
  weir_engine_free(NULL);
  weir_table_free(NULL);
  weir_snapshot_free(NULL);
  weir_files_free(NULL);
  weir_plan_free(NULL);
  weir_buffer_free(NULL);
}

void chain_engine_freed_first(void) {
  g_chain = "an engine freed before what it made";
  weir_engine_options options = {1, 64 << 20};
  weir_engine* engine = weir_engine_open(&options, &g_status);
  OK();
  weir_table* table = weir_table_open(engine, g_table, NULL, &g_status);
  OK();
  weir_snapshot* s = newest(table);
  struct ArrowArrayStream out;
  weir_query_table tables[] = {{"t", s, NULL, 0}};
  weir_query(engine, tables, 1, "SELECT id FROM t", NULL, &out, &g_status);
  OK();
  weir_engine_free(engine);
  weir_table_free(table);
  weir_snapshot_free(s);
  int64_t rows;
  drain(&out, 0, &rows);
  CHECK(rows == 2600);
}
