#include <stdio.h>

#include "arrow_rows.h"
#include "chains.h"
#include "expectations.h"
#include "flights_table.h"

/* The table `changed`, which read_back.py reads too: ids 1..100 from before `name` was there, 101..200 from after. */

enum { kNarrow = 2, kWide = 3 };
static const column kBefore[kNarrow] = {{"id", "l", 0}, {"_seq", "l", 0}};
static const column kAfter[kWide] = {{"id", "l", 1}, {"name", "u", 1}, {"_seq", "l", 0}};

static weir_snapshot* append_rows(weir_table* table, const weir_snapshot* base, source rows, int64_t position) {
  struct ArrowArrayStream stream;
  make_source(&stream, rows);
  weir_files* files = weir_files_write(table, &stream, NULL, &g_status);
  OK();
  weir_snapshot* after = commit_one(base, files, "weir/c/0", position);
  OK();
  weir_files_free(files);
  return after;
}

static int64_t count_rows(const weir_snapshot* s, const char* sql) {
  weir_query_table tables[] = {{"t", s, NULL, 0}};
  struct ArrowArrayStream out;
  weir_query(g_engine, tables, 1, sql, NULL, &out, &g_status);
  OK();
  int64_t rows;
  return drain(&out, 0, &rows);
}

static weir_snapshot* set_columns(weir_table* table, const weir_snapshot* base, const column* columns, int n,
                                  const weir_txn* txn) {
  struct ArrowSchema schema;
  make_schema(&schema, columns, n);
  weir_commit_options options = {txn, txn == NULL ? 0 : 1, NULL};
  weir_snapshot* after = weir_table_set_schema(table, base, &schema, &options, &g_status);
  CHECK(schema.release == NULL);
  return after;
}

static weir_snapshot* change_schema(weir_table* table, weir_snapshot* base) {
  g_chain = "set schema";
  weir_txn txn = {"weir/c/plan", 2};
  weir_snapshot* wide = set_columns(table, base, kAfter, kWide, &txn);
  OK();
  expect_txn(wide, "weir/c/plan", 2);
  expect_txn(wide, "weir/c/0", 100);
  expect_text(weir_snapshot_describe(wide, false, &g_status), "\"version\":2");
  CHECK(count_rows(wide, "SELECT count(*) FROM t WHERE name IS NULL") == 100);
  g_chain = "set schema, conflicts and refusals";
  CHECK(set_columns(table, base, kAfter, kWide, NULL) == NULL);
  EXPECT(WEIR_CONFLICT, NULL);
  CHECK(set_columns(table, wide, kBefore, kNarrow, NULL) == NULL);
  EXPECT(WEIR_INVALID_ARGUMENT, "'name'");
  g_chain = "set schema, the same";
  weir_snapshot* same = set_columns(table, wide, kAfter, kWide, NULL);
  OK();
  expect_text(weir_snapshot_describe(same, false, &g_status), "\"version\":2");
  weir_snapshot_free(same);
  weir_snapshot_free(base);
  return wide;
}

static void delete_some(weir_table* table, const weir_snapshot* base) {
  g_chain = "delete";
  expect_text(weir_table_maintain(table, "delete",
                                  "{\"predicate\": \"id % 50 = 0\", \"txns\": {\"weir/c/erased\": 1}, "
                                  "\"info\": {\"weirReason\": \"asked\"}}",
                                  &g_status),
              "\"num_deleted_rows\":4");
  weir_snapshot* after = commit_one(base, NULL, "weir/c/0", 201);
  OK();
  expect_txn(after, "weir/c/erased", 1);
  CHECK(count_rows(after, "SELECT count(*) FROM t") == 196);
  weir_snapshot_free(after);
  g_chain = "delete, refused";
  (void)weir_table_maintain(table, "delete", "{\"predicate\": \"nothing = 1\"}", &g_status);
  EXPECT(WEIR_INVALID_ARGUMENT, "nothing");
  (void)weir_table_maintain(table, "delete", NULL, &g_status);
  EXPECT(WEIR_INVALID_ARGUMENT, "no predicate");
  (void)weir_table_maintain(table, "delete", "{\"where\": \"true\"}", &g_status);
  EXPECT(WEIR_INVALID_ARGUMENT, "where");
}

static void clean_log(weir_table* table) {
  g_chain = "clean log";
  expect_text(weir_table_maintain(table, "clean_log", "{\"retention_hours\": 0}", &g_status), "\"files_deleted\":[]");
  expect_text(weir_table_maintain(table, "checkpoint", NULL, &g_status), "{\"version\":5}");
  expect_text(weir_table_maintain(table, "clean_log", NULL, &g_status), "\"files_deleted\":[]");
  const char* all = "\"files_deleted\":[\"_delta_log/00000000000000000000.json\"";
  expect_text(weir_table_maintain(table, "clean_log", "{\"retention_hours\": 0, \"dry_run\": true}", &g_status), all);
  expect_text(weir_table_maintain(table, "clean_log", "{\"retention_hours\": 0}", &g_status), "\"num_files\":5");
  CHECK(weir_table_snapshot(table, 4, -1, &g_status) == NULL);
  EXPECT(WEIR_NOT_FOUND, "version 4");
  g_chain = "maintenance, refused";
  (void)weir_table_maintain(table, "defragment", NULL, &g_status);
  EXPECT(WEIR_INVALID_ARGUMENT, "defragment");
  (void)weir_table_maintain(table, "checkpoint", "{\"fast\": true}", &g_status);
  EXPECT(WEIR_INVALID_ARGUMENT, "fast");
}

void chain_changes(void) {
  g_chain = "changes";
  char url[800];
  snprintf(url, sizeof url, "%s/changed", g_lake);
  struct ArrowSchema schema;
  make_schema(&schema, kBefore, kNarrow);
  weir_table* table = weir_table_create(g_engine, url, NULL, &schema, NULL, &g_status);
  OK();
  weir_snapshot* created = newest(table);
  weir_snapshot* narrow = append_rows(table, created, (source){kBefore, kNarrow, 1, 100, 100, -1}, 100);
  weir_snapshot_free(created);
  weir_snapshot* wide = change_schema(table, narrow);
  weir_snapshot* written = append_rows(table, wide, (source){kAfter, kWide, 101, 200, 100, -1}, 200);
  weir_snapshot_free(wide);
  delete_some(table, written);
  weir_snapshot_free(written);
  clean_log(table);
  weir_table_free(table);
}
