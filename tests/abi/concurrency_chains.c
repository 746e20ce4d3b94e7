#include <pthread.h>
#include <stdio.h>

#include "arrow_rows.h"
#include "chains.h"
#include "expectations.h"
#include "flights_table.h"

enum { kWriters = 4, kCommitsEach = 10 };

typedef struct writer {
  weir_table* table;
  const weir_snapshot* base;
  char app[16];
} writer;

/* Commits again and again on the snapshot of its own last commit, which the others have
 * made old. */
static void* commit_many(void* arg) {
  writer* w = arg;
  weir_status status = {0};
  const weir_snapshot* s = w->base;
  for (int i = 1; i <= kCommitsEach; ++i) {
    weir_txn txn = {w->app, i};
    weir_commit_options options = {&txn, 1, NULL};
    weir_snapshot* next;
    for (;;) { /* a writer may be slower than all the others for long: never a conflict */
      next = weir_commit(s, NULL, &options, &status);
      if (status.code != WEIR_UNAVAILABLE) break;
      weir_buffer_free(&status.message);
    }
    if (status.code != 0) {
      fprintf(stderr, "[%s] %s: %d %s\n", g_chain, w->app, status.code, status.message.data);
      exit(1);
    }
    if (s != w->base) weir_snapshot_free((weir_snapshot*)s);
    s = next;
  }
  weir_snapshot_free((weir_snapshot*)s);
  return NULL;
}

static void* create_one(void* arg) {
  static const column row[] = {{"id", "l", 0}};
  weir_status status = {0};
  struct ArrowSchema schema;
  make_schema(&schema, row, 1);
  weir_table* table = weir_table_create(g_engine, arg, NULL, &schema, NULL, &status);
  if (status.code != WEIR_OK && status.code != WEIR_ALREADY_EXISTS) {
    fprintf(stderr, "[%s] %d %s\n", g_chain, status.code, status.message.data);
    exit(1);
  }
  weir_buffer_free(&status.message);
  return table;
}

void chain_creators(void) {
  g_chain = "creators beside each other";
  for (int round = 0; round < 5; ++round) {
    char url[800];
    snprintf(url, sizeof url, "%s/created/%d", g_lake, round);
    pthread_t threads[kWriters];
    int created = 0;
    for (int i = 0; i < kWriters; ++i) CHECK(pthread_create(&threads[i], NULL, create_one, url) == 0);
    for (int i = 0; i < kWriters; ++i) {
      void* table;
      CHECK(pthread_join(threads[i], &table) == 0);
      created += table != NULL;
      weir_table_free(table);
    }
    CHECK(created == 1);
  }
}

void chain_writers(void) {
  static const column row[] = {{"id", "l", 0}};
  g_chain = "writers beside each other";
  char url[800];
  snprintf(url, sizeof url, "%s/writers", g_lake);
  struct ArrowSchema schema;
  make_schema(&schema, row, 1);
  weir_table* table = weir_table_create(g_engine, url, NULL, &schema, NULL, &g_status);
  OK();
  weir_snapshot* base = newest(table);
  pthread_t threads[kWriters];
  writer writers[kWriters];
  for (int i = 0; i < kWriters; ++i) {
    writers[i] = (writer){table, base, ""};
    snprintf(writers[i].app, sizeof writers[i].app, "app/%d", i);
    CHECK(pthread_create(&threads[i], NULL, commit_many, &writers[i]) == 0);
  }
  for (int i = 0; i < kWriters; ++i) CHECK(pthread_join(threads[i], NULL) == 0);
  weir_snapshot* s = newest(table);
  for (int i = 0; i < kWriters; ++i) expect_txn(s, writers[i].app, kCommitsEach);
  expect_text(weir_snapshot_describe(s, false, &g_status), "\"version\":40");
  weir_snapshot_free(s);
  weir_snapshot_free(base);
  weir_table_free(table);
}
