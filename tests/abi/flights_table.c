#include "flights_table.h"

#include "expectations.h"

weir_engine* g_engine;
char g_lake[600], g_table[700];

const column kRow[kColumns] = {
    {"id", "l", 0},       {"name", "u", 1},   {"small", "C", 1}, {"big", "L", 1},
    {"at", "tsu:UTC", 1}, {"amount", "g", 1}, {"day", "u", 1},   {"_seq", "l", 0},
};

weir_files* write_rows(weir_table* table, int64_t first, int64_t last) {
  struct ArrowArrayStream rows;
  make_source(&rows, (source){kRow, kColumns, first, last, 1000, -1});
  weir_write_options options = {0, 1, "w1-"};
  weir_files* files = weir_files_write(table, &rows, &options, &g_status);
  OK();
  CHECK(files != NULL && rows.release == NULL);
  return files;
}

weir_snapshot* newest(weir_table* table) {
  weir_snapshot* s = weir_table_snapshot(table, -1, -1, &g_status);
  OK();
  CHECK(s != NULL);
  return s;
}

void expect_txn(const weir_snapshot* s, const char* app, int64_t version) {
  int64_t found = -77;
  CHECK(weir_snapshot_txn(s, app, &found, &g_status));
  OK();
  CHECK(found == version);
}

weir_snapshot* commit_one(const weir_snapshot* base, const weir_files* files, const char* app, int64_t version) {
  weir_txn txn = {app, version};
  weir_commit_options options = {&txn, 1, "{\"weirRows\": 12, \"weirPlan\": {\"id\": \"p1\"}}"};
  return weir_commit(base, files, &options, &g_status);
}
