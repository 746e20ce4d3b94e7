#include <string.h>

#include "arrow_rows.h"
#include "chains.h"
#include "expectations.h"
#include "flights_table.h"

void chain_write_and_commit(weir_table* table) {
  g_chain = "write and commit";
  weir_snapshot* base = newest(table);
  weir_files* files = write_rows(table, 1, 2500);
  expect_text(weir_files_describe(files, &g_status), "\"num_rows\":2500");
  expect_text(weir_files_describe(files, &g_status), "day=2024-01-02/w1-part-");
  weir_snapshot* after = commit_one(base, files, "weir/t/0", 2500);
  OK();
  expect_txn(after, "weir/t/0", 2500);
  expect_txn(base, "weir/t/0", 0);
  expect_text(weir_snapshot_describe(after, true, &g_status), "\"num_rows\":2500");
  expect_text(weir_snapshot_describe(after, true, &g_status), "\"partition_values\":{\"day\":\"2024-01-01\"}");

  g_chain = "conflict of a stale snapshot";
  weir_files* more = write_rows(table, 2501, 2600);
  CHECK(commit_one(base, more, "weir/t/0", 2600) == NULL);
  EXPECT(WEIR_CONFLICT, NULL);
  g_chain = "another app id lands";
  weir_snapshot* other = commit_one(base, NULL, "weir/t/1", 9);
  OK();
  expect_txn(other, "weir/t/1", 9);
  expect_txn(other, "weir/t/0", 2500);
  g_chain = "the files after a conflict";
  weir_snapshot* last = commit_one(other, more, "weir/t/0", 2600);
  OK();
  expect_text(weir_snapshot_describe(last, false, &g_status), "\"num_rows\":2600");

  g_chain = "txn-only commit";
  weir_txn both[] = {{"weir/t/0", 2700}, {"weir/t/0/epoch", 2}};
  weir_commit_options options = {both, 2, NULL};
  weir_snapshot* only = weir_commit(last, NULL, &options, &g_status);
  OK();
  expect_txn(only, "weir/t/0", 2700);
  expect_txn(only, "weir/t/0/epoch", 2);
  expect_text(weir_snapshot_describe(only, false, &g_status), "\"version\":4");
  weir_txn twice[] = {{"a", 1}, {"a", 2}};
  options = (weir_commit_options){twice, 2, NULL};
  CHECK(weir_commit(only, NULL, &options, &g_status) == NULL);
  EXPECT(WEIR_INVALID_ARGUMENT, "two txns");
  options = (weir_commit_options){NULL, 0, "[1]"};
  CHECK(weir_commit(only, NULL, &options, &g_status) == NULL);
  EXPECT(WEIR_INVALID_ARGUMENT, "not an object");

  g_chain = "an old version";
  weir_snapshot* old = weir_table_snapshot(table, 1, -1, &g_status);
  OK();
  expect_text(weir_snapshot_describe(old, false, &g_status), "\"num_rows\":2500");
  CHECK(weir_table_snapshot(table, 99, -1, &g_status) == NULL);
  EXPECT(WEIR_NOT_FOUND, "version 99");
  g_chain = "a version by its time";
  CHECK(weir_table_snapshot(table, -1, 1, &g_status) == NULL);
  EXPECT(WEIR_NOT_FOUND, "the oldest version in its log is 0");
  CHECK(weir_table_snapshot(table, 1, 1, &g_status) == NULL);
  EXPECT(WEIR_INVALID_ARGUMENT, "at most one");
  CHECK(weir_table_snapshot(table, -2, -1, &g_status) == NULL);
  EXPECT(WEIR_INVALID_ARGUMENT, "version -2");
  weir_snapshot* by_time = weir_table_snapshot(table, -1, 4102444800000, &g_status); /* 2100 */
  OK();
  expect_text(weir_snapshot_describe(by_time, false, &g_status), "\"version\":4");
  weir_snapshot_free(by_time);
  weir_snapshot_free(old);
  weir_snapshot_free(base);
  weir_snapshot_free(after);
  weir_snapshot_free(other);
  weir_snapshot_free(last);
  weir_snapshot_free(only);
  weir_files_free(files);
  weir_files_free(more);
}

static void write_badly(weir_table* table, const column* columns, int n, int64_t fail_at, const char* text) {
  struct ArrowArrayStream rows;
  make_source(&rows, (source){columns, n, 1, 3000, 1000, fail_at});
  CHECK(weir_files_write(table, &rows, NULL, &g_status) == NULL);
  CHECK(g_status.code != WEIR_OK);
  if (fail_at < 0) {
    EXPECT(WEIR_INVALID_ARGUMENT, text);
  } else {
    CHECK(strstr(g_status.message.data, text) != NULL);
    weir_buffer_free(&g_status.message);
  }
  CHECK(rows.release == NULL);
}

void chain_bad_rows(weir_table* table) {
  g_chain = "rows that do not fit";
  column columns[kColumns];
  memcpy(columns, kRow, sizeof kRow);
  write_badly(table, columns, kColumns - 1, -1, "lack");
  columns[0].name = "ident";
  write_badly(table, columns, kColumns, -1, "ident");
  memcpy(columns, kRow, sizeof kRow);
  columns[2].format = "l"; /* 0..199 as int64 into SMALLINT: fits, so only the string below is wrong */
  columns[5].format = "u";
  write_badly(table, columns, kColumns, -1, "amount");
  memcpy(columns, kRow, sizeof kRow);
  columns[2] = (column){"small", "l", 1};
  struct ArrowArrayStream rows;
  make_source(&rows, (source){columns, kColumns, 1, 10, 1000, -1});
  weir_files* files = weir_files_write(table, &rows, NULL, &g_status);
  OK();
  weir_files_free(files);
  memcpy(columns, kRow, sizeof kRow);
  columns[2] = (column){"small", "g", 1};
  write_badly(table, columns, kColumns, -1, "small");
  g_chain = "a source that breaks";
  write_badly(table, kRow, kColumns, 2001, "the source broke");
  g_chain = "no rows";
  make_source(&rows, (source){kRow, kColumns, 1, 0, 1000, -1});
  files = weir_files_write(table, &rows, NULL, &g_status);
  OK();
  expect_text(weir_files_describe(files, &g_status), "\"adds\":[]");
  weir_files_free(files);
  g_chain = "bad write options";
  weir_write_options options = {0, 99, NULL};
  make_source(&rows, (source){kRow, kColumns, 1, 10, 1000, -1});
  CHECK(weir_files_write(table, &rows, &options, &g_status) == NULL);
  EXPECT(WEIR_INVALID_ARGUMENT, "zstd");
  options = (weir_write_options){0, 1, "../x"};
  make_source(&rows, (source){kRow, kColumns, 1, 10, 1000, -1});
  CHECK(weir_files_write(table, &rows, &options, &g_status) == NULL);
  EXPECT(WEIR_INVALID_ARGUMENT, "prefix");
}
