#include "measurements.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "arrow_rows.h"
#include "expectations.h"
#include "flights_table.h"
#include "sql_plans.h"

static double now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}
static int by_value(const void* a, const void* b) {
  double x = *(const double*)a, y = *(const double*)b;
  return (x > y) - (x < y);
}
static double rss_peak_mb(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss / 1024.0;
}

static void bench_commits(bool sync, int n, int checkpoint_every) {
  static const column row[] = {{"id", "l", 0}, {"name", "u", 1}, {"amount", "g", 1}, {"_seq", "l", 0}};
  char url[800];
  snprintf(url, sizeof url, "%s/commits_%d_%d", g_lake, sync, checkpoint_every);
  struct ArrowSchema schema;
  make_schema(&schema, row, 4);
  weir_store_options store = {sync};
  weir_table* table = weir_table_create(g_engine, url, &store, &schema, NULL, &g_status);
  OK();
  weir_snapshot* s = newest(table);
  double *commit = malloc(n * sizeof *commit), *write = malloc(n * sizeof *write), *check = malloc(n * sizeof *check);
  int checks = 0;
  for (int i = 0; i < n; ++i) {
    struct ArrowArrayStream rows;
    make_source(&rows, (source){row, 4, i * 100 + 1, i * 100 + 100, 100, -1});
    double t0 = now_ms();
    weir_files* files = weir_files_write(table, &rows, NULL, &g_status);
    OK();
    double t1 = now_ms();
    weir_snapshot* next = commit_one(s, files, "weir/t/0", i + 1);
    OK();
    commit[i] = now_ms() - t1;
    write[i] = t1 - t0;
    weir_snapshot_free(s);
    weir_files_free(files);
    s = next;
    if (checkpoint_every && (i + 1) % checkpoint_every == 0) {
      double t2 = now_ms();
      expect_text(weir_table_maintain(table, "checkpoint", NULL, &g_status), "version");
      weir_snapshot_free(s);
      s = newest(table);
      check[checks++] = now_ms() - t2;
    }
  }
  qsort(commit, n, sizeof *commit, by_value);
  qsort(write, n, sizeof *write, by_value);
  qsort(check, checks, sizeof *check, by_value);
  printf(
      "sync=%d checkpoint every %d: commit p50 %.1f p99 %.1f ms; write of 100 rows p50 %.1f ms; "
      "checkpoint + reopen p50 %.1f ms; peak RSS %.0f MB\n",
      sync, checkpoint_every, commit[n / 2], commit[n * 99 / 100], write[n / 2], checks ? check[checks / 2] : 0,
      rss_peak_mb());
  double t = now_ms();
  expect_txn(s, "weir/t/0", n);
  printf("  txn read %.2f ms\n", now_ms() - t);
  weir_snapshot_free(s);
  weir_table_free(table);
  free(commit);
  free(write);
  free(check);
}

enum { kPrepared = 100 };

/* Hands out prepared batches in turn, so that the source costs nothing. */
typedef struct repeat {
  source from;
  struct ArrowArray batches[kPrepared];
  int64_t left;
} repeat;
static void release_view(struct ArrowArray* a) {
  free(a->children);
  a->release = NULL;
}
static void release_child_view(struct ArrowArray* a) { a->release = NULL; }
static int repeat_next(struct ArrowArrayStream* s, struct ArrowArray* out) {
  repeat* r = s->private_data;
  memset(out, 0, sizeof *out);
  if (r->left-- <= 0) return 0;
  struct ArrowArray* batch = &r->batches[r->left % kPrepared];
  *out = *batch;
  struct child {
    struct ArrowArray* p[16];
    struct ArrowArray a[16];
  }* c = malloc(sizeof *c);
  for (int64_t i = 0; i < batch->n_children; ++i) {
    c->a[i] = *batch->children[i];
    c->a[i].release = release_child_view;
    c->p[i] = &c->a[i];
  }
  out->children = c->p;
  out->release = release_view;
  return 0;
}
static void repeat_release(struct ArrowArrayStream* s) { s->release = NULL; }

static void bench_write(int64_t batches, int64_t per_batch, const char* name, const char* partition) {
  static const column row[] = {{"id", "l", 1},   {"at", "tsu:UTC", 1}, {"name", "u", 1}, {"path", "u", 1},
                               {"hash", "u", 1}, {"random", "g", 1},   {"big", "l", 1},  {"day", "u", 1}};
  char url[800];
  snprintf(url, sizeof url, "%s/%s", g_lake, name);
  struct ArrowSchema schema;
  make_schema(&schema, row, 8);
  weir_table_options options = {&partition, partition ? 1 : 0, NULL, 0, NULL, 0, NULL};
  weir_table* table = weir_table_create(g_engine, url, NULL, &schema, &options, &g_status);
  OK();
  repeat* r = calloc(1, sizeof *r);
  r->from = (source){row, 8, 0, 0, 0, -1};
  r->left = batches;
  for (int i = 0; i < kPrepared; ++i) make_batch(&r->batches[i], row, 8, i * per_batch, per_batch);
  struct ArrowArrayStream rows = {source_schema, repeat_next, source_error, repeat_release, r};
  double t0 = now_ms();
  weir_files* files = weir_files_write(table, &rows, NULL, &g_status);
  OK();
  double ms = now_ms() - t0;
  weir_snapshot* s = newest(table);
  weir_snapshot* after = weir_commit(s, files, NULL, &g_status);
  OK();
  weir_buffer b = weir_files_describe(files, &g_status);
  char* adds = strstr(b.data, "\"num_files\"");
  printf("%s: %.0f krows/s (%" PRId64 " rows, 8 columns, zstd 1), %.40s, peak RSS %.0f MB\n", name,
         batches * per_batch / ms, batches * per_batch, adds, rss_peak_mb());
  weir_buffer_free(&b);
  weir_query_table tables[] = {{"t", after, NULL, 0}};
  struct ArrowArrayStream out;
  t0 = now_ms();
  weir_query(g_engine, tables, 1, "SELECT id, at, name, path, hash, random, big, day FROM t", NULL, &out, &g_status);
  OK();
  int64_t n;
  drain(&out, 0, &n);
  printf("  query of all columns: %.0f krows/s (%" PRId64 " rows), peak RSS %.0f MB\n", n / (now_ms() - t0), n,
         rss_peak_mb());
  CHECK(n == batches * per_batch);
  for (int i = 0; i < kPrepared; ++i) r->batches[i].release(&r->batches[i]);
  free(r);
  weir_files_free(files);
  weir_snapshot_free(s);
  weir_snapshot_free(after);
  weir_table_free(table);
}

static void bench_plan(void) {
  struct ArrowSchema schema;
  weir_plan* plan =
      compile_plan("SELECT id + 1 AS a, upper(name) AS b, zero, digits, at FROM input WHERE id > 10", &schema);
  OK();
  schema.release(&schema);
  int64_t sizes[] = {1, 1000, 10000, 50000};
  for (int k = 0; k < 4; ++k) {
    int n = 200;
    double ms[200];
    for (int i = 0; i < n; ++i) {
      struct ArrowArray batch, out;
      make_batch(&batch, kInput, kInputColumns, 1, sizes[k]);
      double t0 = now_ms();
      weir_plan_run(plan, &batch, &out, &g_status);
      ms[i] = now_ms() - t0;
      OK();
      out.release(&out);
    }
    qsort(ms, n, sizeof *ms, by_value);
    printf("plan_run %6" PRId64 " rows: p50 %.3f ms p99 %.3f ms\n", sizes[k], ms[n / 2], ms[n * 99 / 100]);
  }
  double before = rss_peak_mb();
  for (int i = 0; i < 100000; ++i) {
    struct ArrowArray batch, out;
    make_batch(&batch, kInput, kInputColumns, 1, 10);
    weir_plan_run(plan, &batch, &out, &g_status);
    if (g_status.code) OK();
    out.release(&out);
  }
  printf("plan_run 100,000 times: peak RSS %+.0f MB\n", rss_peak_mb() - before);
  weir_plan_free(plan);
}

/* Eight columns of the input, five of them twice. */
static void bench_row_hash(void) {
  struct ArrowSchema schema;
  weir_plan* plan = compile_plan(
      "SELECT weir_row_hash(id, name, small, zero, digits, at, _shard, _seq, id, name, digits, at, _seq) AS hash "
      "FROM input",
      &schema);
  OK();
  schema.release(&schema);
  double best = 0;
  for (int i = 0; i < 20; ++i) {
    const int64_t rows = 50000;
    struct ArrowArray batch, out;
    make_batch(&batch, kInput, kInputColumns, 1, rows);
    double t0 = now_ms();
    weir_plan_run(plan, &batch, &out, &g_status);
    double speed = rows / (now_ms() - t0);
    OK();
    out.release(&out);
    if (speed > best) best = speed;
  }
  printf("weir_row_hash of 13 columns, one core: %.0f krows/s\n", best);
  weir_plan_free(plan);
}

void measure(void) {
  bench_row_hash();
  bench_plan();
  bench_commits(true, 200, 20);
  bench_commits(true, 200, 0);
  bench_commits(false, 200, 20);
  bench_write(100, 10000, "write_1m", NULL);
  bench_write(100, 10000, "write_1m_by_day", "day");
  bench_write(1000, 10000, "write_10m", NULL);
}
