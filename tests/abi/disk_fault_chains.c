#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "arrow_rows.h"
#include "chains.h"
#include "disk_faults.h"
#include "expectations.h"
#include "flights_table.h"

enum { kTwo = 2 };
static const column kIdAndName[kTwo] = {{"id", "l", 0}, {"name", "u", 1}};

static weir_files* write_hundred(weir_table* table) {
  struct ArrowArrayStream rows;
  make_source(&rows, (source){kIdAndName, kTwo, 1, 100, 100, -1});
  return weir_files_write(table, &rows, NULL, &g_status);
}

static void data_files(weir_table* table) {
  g_chain = "a data file that cannot be synced";
  g_fault.fsync_file_errno = EIO;
  CHECK(write_hundred(table) == NULL);
  EXPECT(WEIR_UNAVAILABLE, NULL);
  g_fault.fsync_file_errno = ENOSPC;
  CHECK(write_hundred(table) == NULL);
  EXPECT(WEIR_RESOURCE_EXHAUSTED, NULL);

  g_chain = "what is synced";
  g_fault.files_synced = g_fault.folders_synced = 0;
  weir_files* files = write_hundred(table);
  OK();
  CHECK(g_fault.files_synced >= 1 && g_fault.folders_synced >= 1);
  weir_files_free(files);
}

/* Leaves the table at version 1, txn app = 1. */
static void log_entries(weir_table* table) {
  weir_snapshot* base = newest(table);
  weir_files* files = write_hundred(table);
  OK();

  g_chain = "disk full before the log entry";
  g_fault.link_errno = ENOSPC;
  CHECK(commit_one(base, files, "app", 1) == NULL);
  EXPECT(WEIR_RESOURCE_EXHAUSTED, NULL);
  g_fault.fsync_file_errno = EIO;
  CHECK(commit_one(base, files, "app", 1) == NULL);
  EXPECT(WEIR_UNAVAILABLE, NULL);
  weir_snapshot* s = newest(table);
  expect_text(weir_snapshot_describe(s, false, &g_status), "\"version\":0");
  weir_snapshot_free(s);

  g_chain = "a log entry whose folder cannot be synced";
  g_fault.fsync_folder_errno = EIO;
  CHECK(commit_one(base, files, "app", 1) == NULL);
  EXPECT(WEIR_OUTCOME_UNKNOWN, NULL);
  s = newest(table);
  expect_txn(s, "app", 1);
  g_chain = "the same commit again";
  CHECK(commit_one(base, files, "app", 1) == NULL);
  EXPECT(WEIR_CONFLICT, NULL);
  weir_snapshot_free(s);
  weir_snapshot_free(base);
  weir_files_free(files);
}

/* Leaves the table at version 3, txn app = 3. */
static void commits_that_landed(weir_table* table) {
  weir_snapshot* s = newest(table);
  g_chain = "a commit that cannot be read";
  strcpy(g_fault.open_name, "00000000000000000002.json");
  g_fault.open_errno = EIO;
  weir_snapshot* after = commit_one(s, NULL, "app", 2);
  OK();
  expect_txn(after, "app", 2);
  CHECK(weir_snapshot_version(after) == 2 && weir_snapshot_version(NULL) == -1);
  CHECK(g_fault.open_errno == EIO); /* nothing was read so far */
  weir_buffer described = weir_snapshot_describe(after, false, &g_status);
  EXPECT(WEIR_UNAVAILABLE, NULL);
  weir_buffer_free(&described);
  CHECK(g_fault.open_errno == 0); /* the fault was met */
  expect_text(weir_snapshot_describe(after, false, &g_status), "\"num_rows\":100");
  weir_snapshot_free(s);

  /* As when a store's answer is lost and its client's own retry finds the name taken. */
  g_chain = "our own commit is not a conflict";
  g_fault.link_answer_lost = 1;
  s = commit_one(after, NULL, "app", 3);
  OK();
  CHECK(g_fault.link_answer_lost == 0);
  expect_txn(s, "app", 3);
  expect_text(weir_snapshot_describe(s, false, &g_status), "\"version\":3");
  weir_snapshot_free(after);
  weir_snapshot_free(s);
}

static void unsynced_table(const char* url) {
  weir_store_options unsynced = {false};
  g_chain = "what is not synced";
  weir_table* table = weir_table_open(g_engine, url, &unsynced, &g_status);
  OK();
  weir_snapshot* s = newest(table);
  g_fault.files_synced = g_fault.folders_synced = 0;
  weir_snapshot* after = commit_one(s, NULL, "app", 4);
  OK();
  CHECK(g_fault.files_synced == 0 && g_fault.folders_synced == 0);
  weir_snapshot_free(after);

  g_chain = "disk full, unsynced";
  g_fault.link_errno = ENOSPC;
  CHECK(commit_one(s, NULL, "app2", 5) == NULL);
  EXPECT(WEIR_RESOURCE_EXHAUSTED, NULL);
  weir_snapshot_free(s);
  weir_table_free(table);
}

void chain_disk_faults(void) {
  char url[800];
  struct ArrowSchema schema;
  weir_store_options synced = {true};
  g_chain = "faults";
  snprintf(url, sizeof url, "%s/faults", g_lake);
  make_schema(&schema, kIdAndName, kTwo);
  weir_table* table = weir_table_create(g_engine, url, &synced, &schema, NULL, &g_status);
  OK();
  data_files(table);
  log_entries(table);
  commits_that_landed(table);
  weir_table_free(table);
  unsynced_table(url);
}
