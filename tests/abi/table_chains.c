#include <stdio.h>

#include "arrow_rows.h"
#include "chains.h"
#include "expectations.h"
#include "flights_table.h"

weir_table* chain_create(void) {
  g_chain = "create";
  const char* partitions[] = {"day"};
  weir_property properties[] = {{"weir.stream", "FLIGHTS"}, {"delta.dataSkippingStatsColumns", "_seq,id,at"}};
  weir_txn txns[] = {{"weir/t/0", 0}, {"weir/t/0/epoch", 1}};
  weir_table_options options = {partitions, 1, properties, 2, txns, 2, "the table of the test"};
  weir_store_options store = {true};
  struct ArrowSchema schema;
  weir_table* table;

  CHECK(weir_table_open(g_engine, g_table, &store, &g_status) == NULL);
  EXPECT(WEIR_NOT_FOUND, "no Delta table");
  make_schema(&schema, kRow, kColumns);
  table = weir_table_create(g_engine, g_table, &store, &schema, &options, &g_status);
  OK();
  CHECK(table != NULL && schema.release == NULL);
  make_schema(&schema, kRow, kColumns);
  CHECK(weir_table_create(g_engine, g_table, &store, &schema, &options, &g_status) == NULL);
  EXPECT(WEIR_ALREADY_EXISTS, NULL);
  CHECK(schema.release == NULL);

  weir_snapshot* s = newest(table);
  expect_txn(s, "weir/t/0", 0);
  expect_txn(s, "weir/t/0/epoch", 1);
  int64_t untouched = 5;
  CHECK(!weir_snapshot_txn(s, "nobody", &untouched, &g_status));
  OK();
  CHECK(untouched == 5);
  expect_text(weir_snapshot_describe(s, false, &g_status), "\"version\":0");
  expect_text(weir_snapshot_describe(s, false, &g_status), "\"description\":\"the table of the test\"");
  expect_text(weir_snapshot_describe(s, false, &g_status), "\"weir.stream\":\"FLIGHTS\"");
  expect_text(weir_snapshot_describe(s, false, &g_status), "\"weir/t/0/epoch\":1");
  expect_text(weir_snapshot_describe(s, false, &g_status), "decimal(20,0)");
  expect_text(weir_snapshot_describe(s, true, &g_status), "\"files\":[]");
  weir_snapshot_free(s);

  g_chain = "create, refused";
  column naive[] = {{"id", "l", 1}, {"t", "tsu:", 1}};
  char other[800];
  snprintf(other, sizeof other, "%s/naive", g_lake);
  make_schema(&schema, naive, 2);
  CHECK(weir_table_create(g_engine, other, &store, &schema, NULL, &g_status) == NULL);
  EXPECT(WEIR_INVALID_ARGUMENT, "without time zone");
  weir_property vectors[] = {{"delta.enableDeletionVectors", "true"}};
  weir_table_options with_vectors = {NULL, 0, vectors, 1, NULL, 0, NULL};
  make_schema(&schema, kRow, kColumns);
  CHECK(weir_table_create(g_engine, other, &store, &schema, &with_vectors, &g_status) == NULL);
  EXPECT(WEIR_INVALID_ARGUMENT, "deletionVectors");
  make_schema(&schema, kRow, kColumns);
  CHECK(weir_table_create(g_engine, "ftp://x/y", &store, &schema, NULL, &g_status) == NULL);
  EXPECT(WEIR_INVALID_ARGUMENT, "not supported");
  return table;
}

void chain_checkpoint(weir_table** table) {
  g_chain = "checkpoint and reopen";
  expect_text(weir_table_maintain(*table, "checkpoint", NULL, &g_status), "{\"version\":4}");
  weir_snapshot* s = newest(*table);
  expect_text(weir_snapshot_describe(s, false, &g_status), "\"weir/t/0\":2700");
  expect_text(weir_snapshot_describe(s, false, &g_status), "\"weir/t/1\":9");
  weir_snapshot* after = commit_one(s, NULL, "weir/t/1", 10);
  OK();
  expect_text(weir_snapshot_describe(after, false, &g_status), "\"weir/t/1\":10");
  weir_snapshot_free(s);
  weir_snapshot_free(after);
  weir_table_free(*table);
  weir_store_options store = {true};
  *table = weir_table_open(g_engine, g_table, &store, &g_status);
  OK();
  s = newest(*table);
  expect_txn(s, "weir/t/0", 2700);
  expect_txn(s, "weir/t/1", 10);
  expect_text(weir_snapshot_describe(s, false, &g_status), "\"num_rows\":2600");
  weir_snapshot_free(s);
}

void chain_maintain(weir_table* table) {
  g_chain = "optimize";
  weir_snapshot* before = newest(table);
  expect_text(weir_table_maintain(
                  table, "optimize",
                  "{\"target_size\": 100000000, \"partition_filters\": [[\"day\", \"=\", \"2024-01-01\"]]}", &g_status),
              "\"num_files_removed\":2");
  g_chain = "an append beside the compaction";
  weir_snapshot* after = commit_one(before, NULL, "weir/t/0", 2701);
  OK();
  expect_text(weir_snapshot_describe(after, false, &g_status), "\"num_rows\":2600");
  weir_snapshot_free(before);
  weir_snapshot_free(after);
  g_chain = "vacuum";
  expect_text(
      weir_table_maintain(table, "vacuum", "{\"retention_hours\": 0, \"enforce_retention\": false, \"dry_run\": true}",
                          &g_status),
      "\"dry_run\":true");
  weir_buffer b = weir_table_maintain(table, "vacuum", "{\"retention_hours\": 0, \"dry_run\": true}", &g_status);
  CHECK(b.data == NULL);
  EXPECT(WEIR_INVALID_ARGUMENT, "retention");
  b = weir_table_maintain(table, "vacuum", "{\"retention_hour\": 1}", &g_status);
  EXPECT(WEIR_INVALID_ARGUMENT, "retention_hour");
  b = weir_table_maintain(table, "optimize", "{\"partition_filters\": [[\"day\", \"~\", \"x\"]]}", &g_status);
  EXPECT(WEIR_INVALID_ARGUMENT, NULL);
  CHECK(b.data == NULL);
}
