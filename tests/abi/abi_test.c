/* Walks every call chain of weir_engine.h as a plain C program.
 *
 *   abi_test DIR            the chains, in an empty folder DIR; leaves DIR/lake behind
 *   abi_test DIR --bench    measures commits and file writing instead
 *
 * DIR may be s3://BUCKET/PREFIX (AWS_* in the environment); disk faults are left out then.
 *
 * Exits 1 at the first check that fails, saying which. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "arrow_c_data.h"
#include "weir_engine.h"

static const char* g_chain = "";

#define CHECK(condition)                                                              \
  do {                                                                                \
    if (!(condition)) {                                                               \
      fprintf(stderr, "%s:%d: [%s] failed: %s\n", __FILE__, __LINE__, g_chain, #condition); \
      exit(1);                                                                        \
    }                                                                                 \
  } while (0)

static weir_status g_status;

/* Asserts the code of the last call and forgets its message. */
static void expect_at(int line, int32_t code, const char* text) {
  const char* message = g_status.message.data ? g_status.message.data : "";
  if (g_status.code != code || (text != NULL && strcasestr(message, text) == NULL)) {
    fprintf(stderr, "%s:%d: [%s] expected code %d%s%s, got %d: %s\n", __FILE__, line, g_chain, code,
            text ? " and the text " : "", text ? text : "", g_status.code, message);
    exit(1);
  }
  if (code == 0) {
    CHECK(g_status.message.data == NULL);
  } else {
    CHECK(g_status.message.size > 0 && strlen(message) == g_status.message.size);
  }
  weir_buffer_free(&g_status.message);
}
#define EXPECT(code, text) expect_at(__LINE__, (code), (text))
#define OK() expect_at(__LINE__, WEIR_OK, NULL)

/* ------------------------------------------------------------ faults of the disk
 * The engine's calls of these three functions come here first. */

static struct {
  int fsync_folder_errno; /* what the next fsync of a folder named *_delta_log gives */
  int fsync_file_errno;   /* what the next fsync of a file gives */
  int link_errno;         /* what the next hard link gives */
  int link_answer_lost;   /* the next hard link is made, and reported as taken */
  int open_errno;         /* what the next read of open_name gives */
  char open_name[64];
  int files_synced, folders_synced;
} g_fault;

static int take_errno(int* fault) {
  int e = __atomic_exchange_n(fault, 0, __ATOMIC_SEQ_CST);
  if (e) errno = e;
  return e;
}

int fsync(int fd) {
  struct stat info;
  char link[64], path[4096];
  fstat(fd, &info);
  if (S_ISDIR(info.st_mode)) {
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    path[n > 0 ? n : 0] = 0;
    __atomic_add_fetch(&g_fault.folders_synced, 1, __ATOMIC_SEQ_CST);
    if (strstr(path, "_delta_log") && take_errno(&g_fault.fsync_folder_errno)) return -1;
  } else {
    __atomic_add_fetch(&g_fault.files_synced, 1, __ATOMIC_SEQ_CST);
    if (take_errno(&g_fault.fsync_file_errno)) return -1;
  }
  return (int)syscall(SYS_fsync, fd);
}

int linkat(int from_dir, const char* from, int to_dir, const char* to, int flags) {
  if (take_errno(&g_fault.link_errno)) return -1;
  int rc = (int)syscall(SYS_linkat, from_dir, from, to_dir, to, flags);
  if (rc == 0 && __atomic_exchange_n(&g_fault.link_answer_lost, 0, __ATOMIC_SEQ_CST)) {
    errno = EEXIST;
    return -1;
  }
  return rc;
}

int open64(const char* path, int flags, ...) {
  va_list args;
  va_start(args, flags);
  mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(args, mode_t) : 0;
  va_end(args);
  bool reads = (flags & O_ACCMODE) == O_RDONLY;
  if (reads && g_fault.open_errno && strstr(path, g_fault.open_name) && take_errno(&g_fault.open_errno)) return -1;
  return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

/* ------------------------------------------------------------ Arrow in plain C */

typedef struct column {
  const char* name;
  const char* format;
  int nullable;
} column;

static void release_schema(struct ArrowSchema* s) {
  for (int64_t i = 0; i < s->n_children; ++i) {
    if (s->children[i]->release) s->children[i]->release(s->children[i]);
    free(s->children[i]);
  }
  free(s->children);
  free((void*)s->name);
  s->release = NULL;
}

static void make_field(struct ArrowSchema* out, const char* name, const char* format, int nullable) {
  memset(out, 0, sizeof *out);
  out->format = format;
  out->name = strdup(name);
  out->flags = nullable ? ARROW_FLAG_NULLABLE : 0;
  out->release = release_schema;
}

static void make_schema(struct ArrowSchema* out, const column* columns, int n) {
  make_field(out, "", "+s", 0);
  out->n_children = n;
  out->children = calloc(n, sizeof *out->children);
  for (int i = 0; i < n; ++i) {
    out->children[i] = malloc(sizeof(struct ArrowSchema));
    make_field(out->children[i], columns[i].name, columns[i].format, columns[i].nullable);
  }
}

static void release_array(struct ArrowArray* a) {
  for (int64_t i = 0; i < a->n_buffers; ++i) free((void*)a->buffers[i]);
  free(a->buffers);
  for (int64_t i = 0; i < a->n_children; ++i) {
    if (a->children[i]->release) a->children[i]->release(a->children[i]);
    free(a->children[i]);
  }
  free(a->children);
  a->release = NULL;
}

static void make_array(struct ArrowArray* out, int64_t length, int n_buffers) {
  memset(out, 0, sizeof *out);
  out->length = length;
  out->n_buffers = n_buffers;
  out->buffers = calloc(n_buffers, sizeof *out->buffers);
  out->release = release_array;
}

static int width_of(const char* format) {
  switch (format[0]) {
    case 'c': case 'C': return 1;
    case 's': case 'S': return 2;
    case 'i': case 'I': case 'f': return 4;
    default: return 8; /* l L g ts.. */
  }
}

static uint64_t mix(int64_t r) { /* splitmix64 */
  uint64_t x = (uint64_t)r * 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

/* The value of row `r` in a column, by its name; the reader in Python knows the rule. */
static double number_of(const char* name, int64_t r) {
  if (!strcmp(name, "small")) return (double)(r % 200);
  if (!strcmp(name, "big")) return (double)(r * 3);
  if (!strcmp(name, "at")) return (double)(1700000000000000 + r * 1000000);
  if (!strcmp(name, "amount")) return (double)r * 0.5;
  if (!strcmp(name, "random")) return (double)(mix(r) >> 11);
  if (!strcmp(name, "zero")) return r == 7 ? 0 : 1;
  return (double)r; /* id, _seq, ... */
}

static void text_of(const char* name, int64_t r, char* out, size_t size) {
  if (!strcmp(name, "day")) snprintf(out, size, "2024-01-%02d", (int)(1 + r % 3));
  else if (!strcmp(name, "digits")) snprintf(out, size, r == 7 ? "seven" : "%d", (int)r);
  else if (!strcmp(name, "hash")) snprintf(out, size, "%016" PRIx64 "%016" PRIx64, mix(r), mix(~r));
  else if (!strcmp(name, "path")) snprintf(out, size, "/api/v1/customers/%d/orders/%d", (int)(r * 7919 % 10000), (int)r);
  else snprintf(out, size, "%s-%d", name, (int)(r % 1000));
}

static void make_column(struct ArrowArray* out, const column* c, int64_t first, int64_t n) {
  if (c->format[0] == 'u') {
    make_array(out, n, 3);
    int32_t* offsets = malloc((n + 1) * sizeof *offsets);
    char* bytes = malloc(n * 48 + 1);
    offsets[0] = 0;
    for (int64_t i = 0; i < n; ++i) {
      text_of(c->name, first + i, bytes + offsets[i], 48);
      offsets[i + 1] = offsets[i] + (int32_t)strlen(bytes + offsets[i]);
    }
    out->buffers[1] = offsets;
    out->buffers[2] = bytes;
    return;
  }
  make_array(out, n, 2);
  int width = width_of(c->format);
  char* values = malloc(n * width + 1);
  for (int64_t i = 0; i < n; ++i) {
    double v = number_of(c->name, first + i);
    int64_t whole = (int64_t)v;
    char* at = values + i * width;
    if (c->format[0] == 'g') memcpy(at, &v, 8);
    else memcpy(at, &whole, width); /* little endian */
  }
  out->buffers[1] = values;
}

static void make_batch(struct ArrowArray* out, const column* columns, int n_columns, int64_t first, int64_t n) {
  make_array(out, n, 1);
  out->n_children = n_columns;
  out->children = calloc(n_columns, sizeof *out->children);
  for (int i = 0; i < n_columns; ++i) {
    out->children[i] = malloc(sizeof(struct ArrowArray));
    make_column(out->children[i], &columns[i], first, n);
  }
}

typedef struct source {
  const column* columns;
  int n_columns;
  int64_t next, last, per_batch;
  int64_t fail_at; /* -1: never */
} source;

static int source_schema(struct ArrowArrayStream* s, struct ArrowSchema* out) {
  source* from = s->private_data;
  make_schema(out, from->columns, from->n_columns);
  return 0;
}
static int source_next(struct ArrowArrayStream* s, struct ArrowArray* out) {
  source* from = s->private_data;
  memset(out, 0, sizeof *out);
  if (from->fail_at >= 0 && from->next >= from->fail_at) return 5; /* EIO */
  if (from->next > from->last) return 0;
  int64_t n = from->last - from->next + 1;
  if (n > from->per_batch) n = from->per_batch;
  make_batch(out, from->columns, from->n_columns, from->next, n);
  from->next += n;
  return 0;
}
static const char* source_error(struct ArrowArrayStream* s) {
  (void)s;
  return "the source broke";
}
static void source_release(struct ArrowArrayStream* s) {
  free(s->private_data);
  s->release = NULL;
}
static void make_source(struct ArrowArrayStream* out, source from) {
  out->get_schema = source_schema;
  out->get_next = source_next;
  out->get_last_error = source_error;
  out->release = source_release;
  out->private_data = malloc(sizeof from);
  memcpy(out->private_data, &from, sizeof from);
}

/* ------------------------------------------------------------ the table of the tests */

static const column kRow[] = {
    {"id", "l", 0},      {"name", "u", 1},       {"small", "C", 1},  {"big", "L", 1},
    {"at", "tsu:UTC", 1}, {"amount", "g", 1},    {"day", "u", 1},    {"_seq", "l", 0},
};
enum { kColumns = sizeof kRow / sizeof kRow[0] };

static weir_engine* g_engine;
static char g_lake[600], g_table[700];

static weir_files* write_rows(weir_table* table, int64_t first, int64_t last) {
  struct ArrowArrayStream rows;
  make_source(&rows, (source){kRow, kColumns, first, last, 1000, -1});
  weir_write_options options = {0, 1, "w1-"};
  weir_files* files = weir_files_write(table, &rows, &options, &g_status);
  OK();
  CHECK(files != NULL && rows.release == NULL);
  return files;
}

static weir_snapshot* newest(weir_table* table) {
  weir_snapshot* s = weir_table_snapshot(table, -1, &g_status);
  OK();
  CHECK(s != NULL);
  return s;
}

static void expect_txn(const weir_snapshot* s, const char* app, int64_t version) {
  int64_t found = -77;
  CHECK(weir_snapshot_txn(s, app, &found, &g_status));
  OK();
  CHECK(found == version);
}

static void expect_text(weir_buffer b, const char* text) {
  OK();
  if (b.data == NULL || strstr(b.data, text) == NULL) {
    fprintf(stderr, "[%s] expected %s in: %s\n", g_chain, text, b.data ? b.data : "(null)");
    exit(1);
  }
  CHECK(b.data[b.size] == '\0');
  weir_buffer_free(&b);
  CHECK(b.data == NULL && b.size == 0);
  weir_buffer_free(&b);
}

static weir_snapshot* commit_one(const weir_snapshot* base, const weir_files* files, const char* app, int64_t version) {
  weir_txn txn = {app, version};
  weir_commit_options options = {&txn, 1, "{\"weirRows\": 12, \"weirPlan\": {\"id\": \"p1\"}}"};
  return weir_commit(base, files, &options, &g_status);
}

static weir_table* chain_create(void) {
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

static void chain_write_and_commit(weir_table* table) {
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
  weir_snapshot* old = weir_table_snapshot(table, 1, &g_status);
  OK();
  expect_text(weir_snapshot_describe(old, false, &g_status), "\"num_rows\":2500");
  CHECK(weir_table_snapshot(table, 99, &g_status) == NULL);
  EXPECT(WEIR_NOT_FOUND, "version 99");
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

static void chain_bad_rows(weir_table* table) {
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

/* Sums the int64 column `at` of a stream, and counts rows; consumes the stream. */
static int64_t drain(struct ArrowArrayStream* stream, int at, int64_t* rows) {
  struct ArrowSchema schema;
  CHECK(stream->get_schema(stream, &schema) == 0);
  schema.release(&schema);
  int64_t sum = 0;
  *rows = 0;
  for (;;) {
    struct ArrowArray batch;
    int rc = stream->get_next(stream, &batch);
    if (rc != 0) {
      fprintf(stderr, "[%s] stream: %d %s\n", g_chain, rc, stream->get_last_error(stream));
      exit(1);
    }
    if (batch.release == NULL) break;
    const struct ArrowArray* c = batch.children[at];
    const int64_t* values = c->buffers[1];
    for (int64_t i = 0; i < c->length; ++i) sum += values[c->offset + i];
    *rows += batch.length;
    batch.release(&batch);
  }
  stream->release(stream);
  return sum;
}

static void chain_query(weir_table* table) {
  g_chain = "query";
  weir_snapshot* s = newest(table);
  weir_query_table tables[] = {{"t", s}, {"T2", s}};
  struct ArrowArrayStream out;
  int64_t rows;
  weir_query(g_engine, tables, 2, "SELECT id, day, upper(name) AS n FROM t WHERE _seq <= 2600", &out, &g_status);
  OK();
  CHECK(drain(&out, 0, &rows) == 2600LL * 2601 / 2);
  CHECK(rows == 2600);
  weir_query(g_engine, tables, 2, "SELECT count(*) AS n FROM t JOIN \"T2\" USING (id)", &out, &g_status);
  OK();
  CHECK(drain(&out, 0, &rows) == 2600);
  g_chain = "query outlives its snapshot";
  weir_query(g_engine, tables, 1, "SELECT id FROM t ORDER BY id DESC LIMIT 10", &out, &g_status);
  OK();
  weir_snapshot_free(s);
  CHECK(drain(&out, 0, &rows) == 25955);
  CHECK(rows == 10);

  g_chain = "query, refused";
  s = newest(table);
  tables[0].snapshot = s;
  const char* refused[] = {"CREATE TABLE x AS SELECT 1", "INSERT INTO t SELECT * FROM t",
                           "COPY t TO '/tmp/weir-abi-must-not-exist'", "SET datafusion.execution.batch_size = 1",
                           "DROP TABLE t", "CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '/etc/passwd'",
                           "SELECT nothing FROM t", "SELEC 1"};
  for (size_t i = 0; i < sizeof refused / sizeof *refused; ++i) {
    weir_query(g_engine, tables, 1, refused[i], &out, &g_status);
    EXPECT(WEIR_INVALID_ARGUMENT, NULL);
  }
  g_chain = "query that fails while it runs";
  weir_query(g_engine, tables, 1, "SELECT id, 1 / (id - 7) AS x FROM t", &out, &g_status);
  OK();
  int failed = 0;
  for (;;) {
    struct ArrowArray batch;
    if (out.get_next(&out, &batch) != 0) {
      failed = 1;
      CHECK(strcasestr(out.get_last_error(&out), "divide by zero") != NULL);
      break;
    }
    if (batch.release == NULL) break;
    batch.release(&batch);
  }
  CHECK(failed);
  out.release(&out);
  weir_snapshot_free(s);
}

static void chain_checkpoint(weir_table** table) {
  g_chain = "checkpoint and reopen";
  int64_t at = weir_checkpoint(*table, &g_status);
  OK();
  CHECK(at == 4);
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

static void chain_maintain(weir_table* table) {
  g_chain = "optimize";
  weir_snapshot* before = newest(table);
  expect_text(weir_optimize(table, "{\"target_size\": 100000000, \"partition_filters\": [[\"day\", \"=\", \"2024-01-01\"]]}",
                            &g_status),
              "\"num_files_removed\":2");
  g_chain = "an append beside the compaction";
  weir_snapshot* after = commit_one(before, NULL, "weir/t/0", 2701);
  OK();
  expect_text(weir_snapshot_describe(after, false, &g_status), "\"num_rows\":2600");
  weir_snapshot_free(before);
  weir_snapshot_free(after);
  g_chain = "vacuum";
  expect_text(weir_vacuum(table, "{\"retention_hours\": 0, \"enforce_retention\": false, \"dry_run\": true}", &g_status),
              "\"dry_run\":true");
  weir_buffer b = weir_vacuum(table, "{\"retention_hours\": 0, \"dry_run\": true}", &g_status);
  CHECK(b.data == NULL);
  EXPECT(WEIR_INVALID_ARGUMENT, "retention");
  b = weir_vacuum(table, "{\"retention_hour\": 1}", &g_status);
  EXPECT(WEIR_INVALID_ARGUMENT, "retention_hour");
  b = weir_optimize(table, "{\"partition_filters\": [[\"day\", \"~\", \"x\"]]}", &g_status);
  EXPECT(WEIR_INVALID_ARGUMENT, NULL);
  CHECK(b.data == NULL);
}

static void chain_faults(void) {
  static const column row[] = {{"id", "l", 0}, {"name", "u", 1}};
  g_chain = "faults";
  char url[800];
  struct ArrowSchema schema;
  struct ArrowArrayStream rows;
  weir_store_options synced = {true}, unsynced = {false};
  snprintf(url, sizeof url, "%s/faults", g_lake);
  make_schema(&schema, row, 2);
  weir_table* table = weir_table_create(g_engine, url, &synced, &schema, NULL, &g_status);
  OK();
  weir_snapshot* base = newest(table);

  g_chain = "a data file that cannot be synced";
  g_fault.fsync_file_errno = EIO;
  make_source(&rows, (source){row, 2, 1, 100, 100, -1});
  CHECK(weir_files_write(table, &rows, NULL, &g_status) == NULL);
  EXPECT(WEIR_UNAVAILABLE, NULL);
  g_fault.fsync_file_errno = ENOSPC;
  make_source(&rows, (source){row, 2, 1, 100, 100, -1});
  CHECK(weir_files_write(table, &rows, NULL, &g_status) == NULL);
  EXPECT(WEIR_RESOURCE_EXHAUSTED, NULL);

  g_chain = "what is synced";
  g_fault.files_synced = g_fault.folders_synced = 0;
  make_source(&rows, (source){row, 2, 1, 100, 100, -1});
  weir_files* files = weir_files_write(table, &rows, NULL, &g_status);
  OK();
  CHECK(g_fault.files_synced >= 1 && g_fault.folders_synced >= 1);

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

  g_chain = "a post-commit step that fails";
  strcpy(g_fault.open_name, "00000000000000000002.json");
  g_fault.open_errno = EIO;
  weir_snapshot* after = commit_one(s, NULL, "app", 2);
  OK();
  CHECK(g_fault.open_errno == 0); /* the fault was met */
  expect_txn(after, "app", 2);
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
  weir_table_free(table);

  g_chain = "what is not synced";
  table = weir_table_open(g_engine, url, &unsynced, &g_status);
  OK();
  s = newest(table);
  g_fault.files_synced = g_fault.folders_synced = 0;
  after = commit_one(s, NULL, "app", 4);
  OK();
  CHECK(g_fault.files_synced == 0 && g_fault.folders_synced == 0);
  weir_snapshot_free(after);

  g_chain = "disk full, unsynced";
  g_fault.link_errno = ENOSPC;
  CHECK(commit_one(s, NULL, "app2", 5) == NULL);
  EXPECT(WEIR_RESOURCE_EXHAUSTED, NULL);
  weir_snapshot_free(s);
  weir_snapshot_free(base);
  weir_files_free(files);
  weir_table_free(table);
}

/* ------------------------------------------------------------ row-wise SQL */

static const column kInput[] = {
    {"id", "l", 1},   {"name", "u", 1},        {"small", "C", 1},  {"zero", "l", 1},
    {"digits", "u", 1}, {"at", "tsu:UTC", 1}, {"_shard", "i", 0}, {"_seq", "l", 0},
};
enum { kInputColumns = sizeof kInput / sizeof kInput[0] };

static weir_plan* compile(const char* sql, struct ArrowSchema* out) {
  struct ArrowSchema input;
  make_schema(&input, kInput, kInputColumns);
  weir_plan* plan = weir_plan_compile(g_engine, &input, sql, out, &g_status);
  CHECK(input.release == NULL);
  return plan;
}

static void refuse_sql(const char* sql, const char* text) {
  struct ArrowSchema out;
  g_chain = sql;
  CHECK(compile(sql, &out) == NULL);
  EXPECT(WEIR_INVALID_ARGUMENT, text);
}

static void run(weir_plan* plan, int64_t first, int64_t n, struct ArrowArray* out) {
  struct ArrowArray batch;
  make_batch(&batch, kInput, kInputColumns, first, n);
  weir_plan_run(plan, &batch, out, &g_status);
  CHECK(batch.release == NULL);
}

static void reject_rows(const char* sql, int64_t first, int64_t n, const char* text) {
  struct ArrowSchema schema;
  struct ArrowArray out;
  g_chain = sql;
  weir_plan* plan = compile(sql, &schema);
  OK();
  schema.release(&schema);
  run(plan, first, n, &out);
  EXPECT(WEIR_REJECTED, text);
  run(plan, 8, 1, &out); /* usable afterwards; row 8 is harmless unless the SQL hates all */
  weir_buffer_free(&g_status.message);
  if (g_status.code == WEIR_OK) out.release(&out);
  weir_plan_free(plan);
}

static void expect_schema(const char* sql, const char* expected) {
  struct ArrowSchema schema;
  struct ArrowArray out;
  char found[500] = "";
  g_chain = sql;
  weir_plan* plan = compile(sql, &schema);
  OK();
  for (int64_t i = 0; i < schema.n_children; ++i) {
    strcat(found, i ? " " : "");
    strcat(found, schema.children[i]->name);
    strcat(found, ":");
    strcat(found, schema.children[i]->format);
  }
  if (strcmp(found, expected) != 0) {
    fprintf(stderr, "[%s] expected %s, got %s\n", sql, expected, found);
    exit(1);
  }
  schema.release(&schema);
  run(plan, 8, 3, &out); /* what was promised is what comes */
  OK();
  out.release(&out);
  weir_plan_free(plan);
}

static void chain_plan(void) {
  g_chain = "plan";
  struct ArrowSchema schema;
  struct ArrowArray out;
  weir_plan* plan = compile("SELECT *, id + 1 AS next, upper(name) AS loud FROM input WHERE id % 2 = 0", &schema);
  OK();
  const char* names[] = {"id", "name", "small", "zero", "digits", "at", "next", "loud", "_shard", "_seq"};
  const char* formats[] = {"l", "u", "C", "l", "u", "tsu:UTC", "l", "u", "i", "l"};
  CHECK(schema.n_children == 10);
  for (int i = 0; i < 10; ++i) {
    CHECK(strcmp(schema.children[i]->name, names[i]) == 0);
    CHECK(strcmp(schema.children[i]->format, formats[i]) == 0);
  }
  CHECK((schema.children[9]->flags & ARROW_FLAG_NULLABLE) == 0);
  schema.release(&schema);
  run(plan, 1, 100, &out);
  OK();
  CHECK(out.length == 50 && out.n_children == 10);
  const int64_t* next = out.children[6]->buffers[1];
  const int64_t* seq = out.children[9]->buffers[1];
  for (int64_t i = 0; i < 50; ++i) {
    CHECK(next[out.children[6]->offset + i] == 2 * i + 3);
    CHECK(seq[out.children[9]->offset + i] == 2 * i + 2);
  }
  out.release(&out);
  g_chain = "plan, nothing passes";
  run(plan, 1, 1, &out);
  OK();
  CHECK(out.length == 0 && out.n_children == 10);
  out.release(&out);
  run(plan, 1, 0, &out);
  OK();
  CHECK(out.length == 0);
  out.release(&out);
  g_chain = "plan, a large batch comes out as one";
  run(plan, 1, 100000, &out);
  OK();
  CHECK(out.length == 50000);
  out.release(&out);
  weir_plan_free(plan);

  const char* sys = " _shard:i _seq:l";
  char expected[300];
#define SCHEMA(sql, columns) (snprintf(expected, sizeof expected, "%s%s", columns, sys), expect_schema(sql, expected))
  SCHEMA("SELECT * FROM input", "id:l name:u small:C zero:l digits:u at:tsu:UTC");
  SCHEMA("SELECT * EXCEPT (name, zero, digits, at) FROM input", "id:l small:C");
  SCHEMA("SELECT i.* EXCLUDE (name, zero, digits, at, _seq) FROM input AS i", "id:l small:C");
  SCHEMA("SELECT _seq AS seq, CAST(at AS DATE) AS day FROM input;", "seq:l day:tdD");
  SCHEMA("SELECT date_trunc('hour', at) AS hour, to_timestamp(id) AS ts FROM input", "hour:tsu:UTC ts:tsu:UTC");
  SCHEMA("SELECT CASE WHEN id > 3 THEN 'a' ELSE name END AS c, coalesce(name, 'x') AS d FROM input", "c:u d:u");
  SCHEMA("SELECT CAST(id AS VARCHAR) AS c, concat(name, digits) AS d, substr(name, 2) AS e FROM input", "c:u d:u e:u");
  SCHEMA("SELECT arrow_cast(id, 'Int32') AS c, id / 2 AS d, id * 1.5 AS e, -id AS f FROM input", "c:i d:l e:g f:l");
  SCHEMA("SELECT CAST(id AS DECIMAL(20, 2)) * 2 AS c, md5(name) AS d, id IN (1, 2) AS e FROM input", "c:d:38,2 d:u e:b");
  SCHEMA("SELECT make_array(id, 1) AS c, named_struct('a', name) AS d FROM input", "c:+l d:+s");
  SCHEMA("SELECT extract(year FROM at) AS c, name LIKE 'n%' AS d, nullif(id, 3) AS e FROM input WHERE name IS NOT NULL",
         "c:i d:b e:l");

  refuse_sql("SELECT count(*) AS n FROM input", "aggregate count()");
  refuse_sql("SELECT name FROM input GROUP BY name", "GROUP BY");
  refuse_sql("SELECT id FROM input HAVING id > 1", "HAVING");
  refuse_sql("SELECT DISTINCT name FROM input", "DISTINCT");
  refuse_sql("SELECT row_number() OVER (ORDER BY id) AS r FROM input", "window function row_number()");
  refuse_sql("SELECT id FROM input\nORDER BY id", "line 2");
  refuse_sql("SELECT id FROM input LIMIT 3", "LIMIT");
  refuse_sql("SELECT id FROM input OFFSET 3", "OFFSET");
  refuse_sql("SELECT id FROM input FETCH FIRST 3 ROWS ONLY", "FETCH");
  refuse_sql("SELECT id FROM input UNION ALL SELECT id FROM input", "UNION");
  refuse_sql("SELECT unnest(make_array(1, 2)) AS x FROM input", "UNNEST");
  refuse_sql("SELECT id FROM (SELECT id FROM input)", "sub-query");
  refuse_sql("SELECT id FROM input WHERE id IN (SELECT id FROM input)", "sub-query");
  refuse_sql("SELECT (SELECT 1) AS one FROM input", "sub-query");
  refuse_sql("WITH x AS (SELECT id FROM input) SELECT id FROM x", "WITH");
  refuse_sql("SELECT a.id FROM input a JOIN input b ON a.id = b.id", "lookups are not supported yet");
  refuse_sql("SELECT id FROM input, airports", "lookups are not supported yet");
  refuse_sql("SELECT id FROM airports", "airports");
  refuse_sql("SELECT * FROM generate_series(1, 3)", "table function");
  refuse_sql("SELECT id FROM input; SELECT id FROM input", "several statements");
  refuse_sql("DELETE FROM input", "DELETE");
  refuse_sql("SET x = 1", "SET");
  refuse_sql("CREATE TABLE x AS SELECT 1", "CREATE");
  refuse_sql("VALUES (1)", "SELECT");
  refuse_sql("", "empty");
  refuse_sql("SELECT now() AS n FROM input", "now()");
  refuse_sql("SELECT current_date AS n FROM input", "current_date");
  refuse_sql("SELECT id,\n  random() AS n FROM input", "line 2, column 3: random()");
  refuse_sql("SELECT uuid() AS n FROM input", "uuid()");
  refuse_sql("SELECT nme FROM input", "name");
  refuse_sql("SELECT frobnicate(id) AS x FROM input", "frobnicate");
  refuse_sql("SELECT id, name AS id FROM input", "id");
  refuse_sql("SELECT id AS a, zero AS a FROM input", "a");
  refuse_sql("SELECT _seq FROM input", "_seq");
  refuse_sql("SELECT id AS _mine FROM input", "_mine");
  refuse_sql("SELECT id AS \"Id\" FROM input", "lower-case");
  refuse_sql("SELECT id + 1 FROM input", "AS");
  refuse_sql("SELECT NULL AS n FROM input", "CAST(NULL AS");
  refuse_sql("SELECT id FROM input WHERE name", NULL);
  refuse_sql("SELECT id FROM input WHERE id = $1", NULL);
  refuse_sql("SELECT at - at AS span FROM input", "cannot be stored");
  refuse_sql("SELEC id FROM input", NULL);
  refuse_sql("SELECT id FRO input", NULL);

  reject_rows("SELECT 10 / zero AS x FROM input", 1, 20, "divide by zero");
  reject_rows("SELECT 10 % zero AS x FROM input", 1, 20, "divide by zero");
  reject_rows("SELECT CAST(digits AS BIGINT) AS x FROM input", 1, 20, "seven");
  reject_rows("SELECT id FROM input WHERE CAST(digits AS BIGINT) > 3", 1, 20, "seven");
  reject_rows("SELECT 9223372036854775807 + id AS x FROM input", 1, 3, "overflow");
  reject_rows("SELECT 9223372036854775807 + 1 AS x FROM input", 1, 3, "overflow");
  reject_rows("SELECT id * 9223372036854775807 AS x FROM input", 2, 3, "overflow");
  reject_rows("SELECT -9223372036854775807 - id AS x FROM input", 2, 3, "overflow");
  reject_rows("SELECT id FROM input WHERE id + 9223372036854775807 < 0", 2, 3, "overflow");
  reject_rows("SELECT -(-9223372036854775807 - id) AS x FROM input", 1, 1, "overflow");
  reject_rows("SELECT CAST(id AS TINYINT) AS x FROM input", 1, 300, NULL);
  reject_rows("SELECT CAST(id * 10000000000 AS INT) AS x FROM input", 1, 3, NULL);
  reject_rows("SELECT CAST(1e30 * id AS BIGINT) AS x FROM input", 1, 3, NULL);
  reject_rows("SELECT CAST(99999 * id AS DECIMAL(5, 1)) AS x FROM input", 1, 3, NULL);
  reject_rows("SELECT abs(-9223372036854775807 - id) AS x FROM input", 1, 1, "overflow");
  reject_rows("SELECT to_timestamp(name) AS x FROM input", 1, 3, NULL);
}

/* ------------------------------------------------------------ objects */

static void chain_objects(void) {
  g_chain = "objects";
  weir_store_options store = {true};
  const char* path = "_weir/plans/flights/p1.json";
  weir_object_put(g_engine, g_lake, &store, path, "{\"a\":1}", 7, WEIR_PUT_CREATE, &g_status);
  OK();
  weir_object_put(g_engine, g_lake, &store, path, "{\"a\":2}", 7, WEIR_PUT_CREATE, &g_status);
  EXPECT(WEIR_ALREADY_EXISTS, NULL);
  expect_text(weir_object_get(g_engine, g_lake, path, &g_status), "{\"a\":1}");
  weir_object_put(g_engine, g_lake, NULL, path, "{\"a\":3}", 7, WEIR_PUT_OVERWRITE, &g_status);
  OK();
  expect_text(weir_object_get(g_engine, g_lake, path, &g_status), "{\"a\":3}");
  weir_store_options unsynced = {false};
  weir_object_put(g_engine, g_lake, &unsynced, "_weir/empty", NULL, 0, WEIR_PUT_CREATE, &g_status);
  OK();
  weir_object_put(g_engine, g_lake, &unsynced, "_weir/empty", NULL, 0, WEIR_PUT_CREATE, &g_status);
  EXPECT(WEIR_ALREADY_EXISTS, NULL);
  weir_buffer b = weir_object_get(g_engine, g_lake, "_weir/empty", &g_status);
  OK();
  CHECK(b.size == 0);
  weir_buffer_free(&b);
  expect_text(weir_object_list(g_engine, g_lake, "_weir", &g_status),
              "[{\"path\":\"_weir/empty\",\"size\":0},{\"path\":\"_weir/plans/flights/p1.json\",\"size\":7}]");
  expect_text(weir_object_list(g_engine, g_lake, "_weir/nothing", &g_status), "[]");
  b = weir_object_get(g_engine, g_lake, "_weir/nothing", &g_status);
  CHECK(b.data == NULL);
  EXPECT(WEIR_NOT_FOUND, NULL);
  weir_object_put(g_engine, g_lake, NULL, "a/../../b", "x", 1, WEIR_PUT_CREATE, &g_status);
  EXPECT(WEIR_INVALID_ARGUMENT, NULL);
  weir_object_put(g_engine, g_lake, NULL, "", "x", 1, WEIR_PUT_CREATE, &g_status);
  EXPECT(WEIR_INVALID_ARGUMENT, NULL);
}

static void chain_nulls(weir_table* table) {
  g_chain = "null arguments";
  struct ArrowSchema schema;
  struct ArrowArray array;
  struct ArrowArrayStream stream;
  int64_t version;
#define NULL_GIVES(call)                 \
  do {                                   \
    (void)(call);                        \
    EXPECT(WEIR_INVALID_ARGUMENT, "NULL"); \
  } while (0)
  NULL_GIVES(weir_table_open(NULL, g_table, NULL, &g_status));
  NULL_GIVES(weir_table_open(g_engine, NULL, NULL, &g_status));
  NULL_GIVES(weir_table_create(g_engine, g_table, NULL, NULL, NULL, &g_status));
  make_schema(&schema, kRow, kColumns);
  NULL_GIVES(weir_table_create(NULL, g_table, NULL, &schema, NULL, &g_status));
  CHECK(schema.release == NULL);
  NULL_GIVES(weir_table_snapshot(NULL, -1, &g_status));
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
  NULL_GIVES(weir_checkpoint(NULL, &g_status));
  NULL_GIVES((weir_optimize(NULL, NULL, &g_status), 0));
  NULL_GIVES((weir_vacuum(NULL, NULL, &g_status), 0));
  make_schema(&schema, kInput, kInputColumns);
  NULL_GIVES(weir_plan_compile(g_engine, &schema, NULL, &schema, &g_status));
  make_schema(&schema, kInput, kInputColumns);
  NULL_GIVES(weir_plan_compile(g_engine, &schema, "SELECT * FROM input", NULL, &g_status));
  CHECK(schema.release == NULL);
  make_batch(&array, kInput, kInputColumns, 1, 3);
  NULL_GIVES((weir_plan_run(NULL, &array, &array, &g_status), 0));
  CHECK(array.release == NULL);
  weir_query_table nameless = {NULL, s};
  NULL_GIVES((weir_query(g_engine, &nameless, 1, "SELECT 1", &stream, &g_status), 0));
  NULL_GIVES((weir_query(g_engine, NULL, 0, NULL, &stream, &g_status), 0));
  NULL_GIVES((weir_query(g_engine, NULL, 0, "SELECT 1", NULL, &g_status), 0));
  NULL_GIVES((weir_object_put(g_engine, g_lake, NULL, NULL, "x", 1, WEIR_PUT_CREATE, &g_status), 0));
  NULL_GIVES((weir_object_put(g_engine, g_lake, NULL, "x", NULL, 1, WEIR_PUT_CREATE, &g_status), 0));
  NULL_GIVES((weir_object_get(g_engine, NULL, "x", &g_status), 0));
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

static void chain_engine_freed_first(void) {
  g_chain = "an engine freed before what it made";
  weir_engine_options options = {1, 64 << 20};
  weir_engine* engine = weir_engine_open(&options, &g_status);
  OK();
  weir_table* table = weir_table_open(engine, g_table, NULL, &g_status);
  OK();
  weir_snapshot* s = newest(table);
  struct ArrowArrayStream out;
  weir_query_table tables[] = {{"t", s}};
  weir_query(engine, tables, 1, "SELECT id FROM t", &out, &g_status);
  OK();
  weir_engine_free(engine);
  weir_table_free(table);
  weir_snapshot_free(s);
  int64_t rows;
  drain(&out, 0, &rows);
  CHECK(rows == 2600);
}

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

static void chain_creators(void) {
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

static void chain_writers(void) {
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

/* ------------------------------------------------------------ measurements */

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
      weir_checkpoint(table, &g_status);
      OK();
      weir_snapshot_free(s);
      s = newest(table);
      check[checks++] = now_ms() - t2;
    }
  }
  qsort(commit, n, sizeof *commit, by_value);
  qsort(write, n, sizeof *write, by_value);
  qsort(check, checks, sizeof *check, by_value);
  printf("sync=%d checkpoint every %d: commit p50 %.1f p99 %.1f ms; write of 100 rows p50 %.1f ms; "
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
  struct child { struct ArrowArray* p[16]; struct ArrowArray a[16]; }* c = malloc(sizeof *c);
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
  static const column row[] = {{"id", "l", 1},   {"at", "tsu:UTC", 1},  {"name", "u", 1}, {"path", "u", 1},
                               {"hash", "u", 1}, {"random", "g", 1}, {"big", "l", 1},  {"day", "u", 1}};
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
  weir_query_table tables[] = {{"t", after}};
  struct ArrowArrayStream out;
  t0 = now_ms();
  weir_query(g_engine, tables, 1, "SELECT id, at, name, path, hash, random, big, day FROM t", &out, &g_status);
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
  weir_plan* plan = compile("SELECT id + 1 AS a, upper(name) AS b, zero, digits, at FROM input WHERE id > 10", &schema);
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

int main(int argc, char** argv) {
  if (argc < 2 || (argv[1][0] != '/' && strncmp(argv[1], "s3://", 5) != 0)) {
    fprintf(stderr, "usage: abi_test /ABSOLUTE/DIR|s3://BUCKET/PREFIX [--bench]\n");
    return 2;
  }
  bool local = argv[1][0] == '/';
  snprintf(g_lake, sizeof g_lake, "%s%s/lake", local ? "file://" : "", argv[1]);
  snprintf(g_table, sizeof g_table, "%s/deep/t", g_lake);
  g_chain = "engine";
  CHECK(weir_abi_version() == WEIR_ABI_VERSION);
  weir_engine_options options = {2, 256 << 20};
  g_engine = weir_engine_open(&options, &g_status);
  OK();
  if (argc > 2) {
    bench_plan();
    bench_commits(true, 200, 20);
    bench_commits(true, 200, 0);
    bench_commits(false, 200, 20);
    bench_write(100, 10000, "write_1m", NULL);
    bench_write(100, 10000, "write_1m_by_day", "day");
    bench_write(1000, 10000, "write_10m", NULL);
  } else {
    weir_table* table = chain_create();
    chain_write_and_commit(table);
    chain_bad_rows(table);
    chain_query(table);
    chain_checkpoint(&table);
    chain_maintain(table);
    if (local) chain_faults();
    chain_creators();
    chain_writers();
    chain_plan();
    chain_objects();
    chain_nulls(table);
    chain_engine_freed_first();
    weir_table_free(table);
    printf("abi_test: all chains passed\n");
  }
  weir_engine_free(g_engine);
  return 0;
}
