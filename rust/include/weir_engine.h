/* The C ABI of Weir's engine: Delta tables (delta-rs), SQL (DataFusion) and plain
 * objects of a lake, behind opaque handles.
 *
 * Ownership
 *   - A handle returned by a function belongs to the caller and is released by the
 *     `_free` function of its type. `_free(NULL)` does nothing. Handles keep what they
 *     need alive: an engine may be freed before the tables, snapshots, plans and
 *     streams that came from it. Freed last on the caller's thread, an engine waits at
 *     most five seconds for its background work.
 *   - A weir_buffer returned by a function belongs to the caller: weir_buffer_free.
 *   - Arrow structures marked "consumed" belong to the engine from the moment of the
 *     call, also when it fails: their `release` is NULL afterwards. Structures marked
 *     "out" are filled on success only and then belong to the caller, who releases them.
 *   - Strings and option structs are borrowed for the duration of the call. Strings are
 *     UTF-8 and NUL terminated.
 *
 * Outcome
 *   The last argument of a call that can fail is a weir_status*, overwritten by every
 *   call. code 0: success, `message` is {0}. Otherwise the result is NULL, false, -1 or
 *   an empty buffer, no "out" argument was touched, and `message` (never empty) is to be
 *   freed by the caller. A NULL where an object, a string or an "out" argument is
 *   required gives WEIR_INVALID_ARGUMENT. Requires: `status` is not NULL (a call with a
 *   NULL status does nothing but consume what it consumes).
 *   Nothing here throws, aborts or unwinds: a panic inside is WEIR_INTERNAL, or
 *   WEIR_REJECTED where data was being evaluated (weir_plan_run).
 *
 * Threads
 *   weir_engine and weir_table are thread-safe. weir_snapshot and weir_files are
 *   immutable, so they may be read from several threads. weir_plan and exported streams
 *   are thread-compatible: one thread at a time. Calls block; streams given to the
 *   engine are pulled on the calling thread, never on one of the engine's own.
 *
 * The JSON documents returned here are objects whose members may grow; readers ignore
 * members they do not know.
 */
#ifndef WEIR_ENGINE_H_
#define WEIR_ENGINE_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Raised by every incompatible change; compare it with weir_abi_version() at start. */
#define WEIR_ABI_VERSION 4u

struct ArrowSchema;
struct ArrowArray;
struct ArrowArrayStream;

typedef struct weir_engine weir_engine;
typedef struct weir_table weir_table;
typedef struct weir_snapshot weir_snapshot;
typedef struct weir_files weir_files;
typedef struct weir_plan weir_plan;

/* The numbers are those of weir::StatusCode and never change their meaning. */
enum {
  WEIR_OK = 0,
  WEIR_INVALID_ARGUMENT = 1,
  WEIR_NOT_FOUND = 2,
  WEIR_ALREADY_EXISTS = 3,
  WEIR_CONFLICT = 4,
  WEIR_FENCED = 5,
  WEIR_UNAVAILABLE = 6,       /* nothing was made visible; worth a retry */
  WEIR_OUTCOME_UNKNOWN = 7,   /* it may have happened: read the store before going on */
  WEIR_REJECTED = 8,          /* the data is at fault, not the system */
  WEIR_DATA_LOSS = 9,
  WEIR_PERMISSION_DENIED = 10,
  WEIR_RESOURCE_EXHAUSTED = 11, /* disk full, memory limit; nothing was made visible */
  WEIR_SHUTTING_DOWN = 12,
  WEIR_INTERNAL = 13
};

/* `size` bytes, followed by a NUL that `size` does not count. */
typedef struct weir_buffer {
  char* data;
  size_t size;
} weir_buffer;

typedef struct weir_status {
  int32_t code;
  weir_buffer message;
} weir_status;

uint32_t weir_abi_version(void);

/* Frees the bytes and zeroes the struct. Safe on {0}, on NULL and when repeated. */
void weir_buffer_free(weir_buffer* buffer);

/* ---------------------------------------------------------------- engine */

typedef struct weir_engine_options {
  uint32_t worker_threads;     /* 0: one per core */
  uint64_t memory_limit_bytes; /* of queries and compaction, which spill beyond it; 0: 1 GiB */
} weir_engine_options;

/* Starts the worker threads. `options` may be NULL for the defaults. */
weir_engine* weir_engine_open(const weir_engine_options* options, weir_status* status);
void weir_engine_free(weir_engine* engine);

/* ---------------------------------------------------------------- lake
 * A lake or table URL is file:///absolute/folder or s3://bucket/prefix. The endpoint,
 * region and credentials of S3 come from the environment (AWS_*); the store must honour
 * If-None-Match. */

typedef struct weir_store_options {
  /* file:// only: data files, log entries and every folder they changed, new parents
   * included, are fsynced before a call returns. NULL options mean true. */
  bool sync;
} weir_store_options;

/* A Delta application transaction: `version` is the last value of `app_id`. */
typedef struct weir_txn {
  const char* app_id;
  int64_t version;
} weir_txn;

typedef struct weir_property {
  const char* key;
  const char* value;
} weir_property;

typedef struct weir_table_options {
  const char* const* partition_columns;
  size_t partition_column_count;
  const weir_property* properties; /* table properties, `delta.*` included */
  size_t property_count;
  const weir_txn* txns; /* committed together with protocol and schema */
  size_t txn_count;
  const char* description; /* may be NULL */
} weir_table_options;

/* Creates a table by ONE commit, version 0, that carries protocol, metadata and txns.
 * `schema` (a struct, consumed) is mapped to Delta: uint8/16/32 -> SMALLINT/INT/BIGINT,
 * uint64 -> DECIMAL(20,0), large and view types -> STRING, BINARY, ARRAY, any timestamp
 * with a zone -> TIMESTAMP. `options` may be NULL.
 * WEIR_ALREADY_EXISTS: a table is there, or another process was first; nothing changed.
 * WEIR_INVALID_ARGUMENT: a type Delta lacks, a timestamp without zone, a partition column
 * that is not in the schema, properties that turn on deletion vectors or column mapping.
 * WEIR_OUTCOME_UNKNOWN: open the table and see. */
weir_table* weir_table_create(weir_engine* engine, const char* url, const weir_store_options* store,
                              struct ArrowSchema* schema, const weir_table_options* options,
                              weir_status* status);

/* WEIR_NOT_FOUND: no Delta table at `url`. WEIR_INVALID_ARGUMENT: the table has deletion
 * vectors or column mapping, which Weir does not write. */
weir_table* weir_table_open(weir_engine* engine, const char* url, const weir_store_options* store,
                            weir_status* status);
void weir_table_free(weir_table* table);

/* -1 means "not given", and at most one of the two may be given. Neither: the newest
 * version, read from the log (starting at the last checkpoint). `version`: that one.
 * `timestamp_ms` (since 1970, UTC): the newest that was committed then or before, by the
 * times of the log's entries. WEIR_NOT_FOUND: no such version, or no longer. */
weir_snapshot* weir_table_snapshot(weir_table* table, int64_t version, int64_t timestamp_ms,
                                   weir_status* status);
void weir_snapshot_free(weir_snapshot* snapshot);

/* Known without reading anything. -1: NULL was given. */
int64_t weir_snapshot_version(const weir_snapshot* snapshot);

/* JSON: version, schema (the Delta schema object), partition_columns, properties,
 * description (or null), num_files, num_rows (null if a file has no statistics),
 * size_bytes, txns {app_id: version}; with_files adds files: [{path, size, num_rows,
 * modification_time, partition_values, stats (object or null)}]. Reads the log for txns. */
weir_buffer weir_snapshot_describe(const weir_snapshot* snapshot, bool with_files,
                                   weir_status* status);

/* The version of `app_id` as of this snapshot. false with code 0: the table has none
 * (`*version` untouched). WEIR_NOT_FOUND: the log was cleaned past this snapshot before it
 * was first asked for a txn, a description or rows; what it was asked for once, it keeps. */
bool weir_snapshot_txn(const weir_snapshot* snapshot, const char* app_id, int64_t* version,
                       weir_status* status);

/* ---------------------------------------------------------------- writing */

typedef struct weir_write_options {
  uint64_t target_file_bytes; /* of one Parquet file, compressed; 0: 128 MiB */
  int32_t zstd_level;         /* 1 .. 22; 0: 1 */
  const char* name_prefix;    /* put before each file's name; NULL: none */
} weir_write_options;

/* Writes `rows` (consumed, pulled batch by batch, never collected) as Parquet files that
 * no reader sees until weir_commit. The columns are matched by name and must be exactly
 * the table's, as of the newest version that this handle has seen by weir_table_open,
 * _create, _set_schema or _snapshot(-1, -1); values are cast only where nothing is lost.
 * Zero rows give zero files. `options` may be NULL. WEIR_INVALID_ARGUMENT: the columns
 * differ, or a cast would lose something (the message names column and types). On any
 * failure files already written stay behind, unreferenced, for a vacuum. */
weir_files* weir_files_write(weir_table* table, struct ArrowArrayStream* rows,
                             const weir_write_options* options, weir_status* status);

/* JSON: num_files, num_rows, size_bytes, adds: [Delta add actions]. */
weir_buffer weir_files_describe(const weir_files* files, weir_status* status);
void weir_files_free(weir_files* files);

/* The files of several weir_files_describe as one, for weir_commit in another process than
 * the one that wrote them. Each text needs the members num_rows and adds.
 * WEIR_INVALID_ARGUMENT: a text is not such a description. WEIR_NOT_FOUND: a file is not
 * there, or has another size than was said. */
weir_files* weir_files_adopt(weir_table* table, const char* const* descriptions, size_t count,
                             weir_status* status);

typedef struct weir_commit_options {
  const weir_txn* txns;
  size_t txn_count;
  /* JSON object merged into commitInfo; NULL: none. Delta's own members (timestamp,
   * operation, operationParameters, readVersion, isolationLevel, isBlindAppend,
   * engineInfo, userId, userName, userMetadata) cannot be replaced. */
  const char* info_json;
} weir_commit_options;

/* Appends `files` (NULL: none) and sets the txns in one commit on top of `base`, and
 * returns the snapshot that contains it. Commits of others since `base` are tolerated
 * unless they set one of the same app ids or changed schema, properties or protocol:
 * WEIR_CONFLICT, nothing was committed; also when the log was cleaned past `base`, or is
 * not whole after it. WEIR_NOT_FOUND: as for weir_snapshot_txn. The engine does NOT compare
 * txn versions (Delta accepts equal and lower ones): read them from `base` first. `files` may
 * be committed again on a newer base after WEIR_CONFLICT. `options` may be NULL.
 * WEIR_UNAVAILABLE, _RESOURCE_EXHAUSTED, _PERMISSION_DENIED: nothing was committed; the
 * first also when other writers were faster 21 times in a row.
 * WEIR_OUTCOME_UNKNOWN: it may have been committed, or may still be; take a new snapshot
 * and compare its txns. Requires: `files` were written to the table of `base`. */
weir_snapshot* weir_commit(const weir_snapshot* base, const weir_files* files,
                           const weir_commit_options* options, weir_status* status);

/* ---------------------------------------------------------------- changing a table */

/* Gives the table the columns of `schema` (a struct, consumed, mapped to Delta as in
 * weir_table_create), in its order, and sets the txns, in one commit on top of `base`;
 * returns the snapshot that contains it. New columns must be nullable, NOT NULL may be
 * dropped; everything else stays: WEIR_INVALID_ARGUMENT names the column and both types.
 * Files that are there have NULL in new columns; from now on weir_files_write takes them.
 * Commits of others on older bases meet WEIR_CONFLICT from then on.
 * The table has that schema already: only the txns are committed, and without any nothing
 * is; the newest snapshot is returned. Other outcomes as for weir_commit.
 * `options` may be NULL. Requires: `base` is of this table. */
weir_snapshot* weir_table_set_schema(weir_table* table, const weir_snapshot* base,
                                     struct ArrowSchema* schema, const weir_commit_options* options,
                                     weir_status* status);

/* Maintains the newest version. Commits of others, made meanwhile or later on a base from
 * before, do not fail because of it, unless "clean_log" removed that base. On a synced lake
 * all that changed is on disk when the call returns. options_json is an object with the members
 * below, or NULL; unknown members are WEIR_INVALID_ARGUMENT. Returns a JSON object. By `operation`:
 *
 * "checkpoint": writes a checkpoint.
 *   Returns version.
 * "optimize": rewrites small files into larger ones (dataChange = false).
 *   target_size (bytes; default: the table's), zstd_level, partition_filters
 *   ([["day", "=", "2013-01-01"], ["carrier", "in", ["AA", "UA"]]]), z_order (columns;
 *   all files are then rewritten, sorted along a space-filling curve),
 *   max_concurrent_tasks (default 1).
 *   Returns version, num_files_added, num_files_removed, size_bytes_added,
 *   size_bytes_removed, partitions_optimized, total_considered_files.
 *   WEIR_CONFLICT: others rewrote or deleted the same files, each time it was tried.
 * "vacuum": deletes data files that no version younger than the retention references,
 *   uncommitted ones included.
 *   retention_hours (default: the table's), dry_run, enforce_retention (default true:
 *   refuse less than the table's own retention).
 *   Returns dry_run, num_files, files_deleted (paths).
 * "clean_log": deletes log entries and checkpoints that no version needs that was current
 *   within the retention; the newest checkpoint and all after it always stay. A snapshot
 *   older than the retention may become unreadable.
 *   retention_hours (default: the table's delta.logRetentionDuration), dry_run.
 *   Returns dry_run, num_files, files_deleted (paths).
 * "delete": deletes the rows for which a SQL condition is true, by one commit that
 *   rewrites their files. Rows appended while it runs are not looked at. The rows stay in
 *   the old files until a vacuum; the condition stays in the log.
 *   predicate (required), txns ({app_id: version}), info (object, as info_json). Without
 *   such rows only the txns are committed.
 *   Returns version, num_deleted_rows (null: not known), num_files_added,
 *   num_files_removed.
 *   WEIR_INVALID_ARGUMENT: the predicate is not valid, or the table is append-only
 *   (delta.appendOnly). WEIR_CONFLICT, _OUTCOME_UNKNOWN: as for weir_commit. */
weir_buffer weir_table_maintain(weir_table* table, const char* operation, const char* options_json,
                                weir_status* status);

/* ---------------------------------------------------------------- row-wise SQL */

/* Compiles one SELECT over the table `input`: columns, scalar expressions, WHERE.
 * `input` (a struct, consumed) lists the user columns and then the system columns, whose
 * names start with `_`. `*` means the user columns; the SQL may read system columns; they
 * are appended to the output, unchanged, in any case. `out_schema` (out) receives the
 * result's schema: strings as utf8, timestamps as microseconds UTC.
 * WEIR_INVALID_ARGUMENT: not valid, or not row-wise and repeatable; the message names the
 * construct, where it stands, and what to do. */
weir_plan* weir_plan_compile(weir_engine* engine, struct ArrowSchema* input, const char* sql,
                             struct ArrowSchema* out_schema, weir_status* status);

/* Runs the plan over one batch (a struct array of `input`, consumed); `out` (out) is a
 * struct array of out_schema with the rows that passed, in their order, possibly none.
 * WEIR_REJECTED: the SQL failed on the data of at least one row (overflow, division by
 * zero, failed cast, ...): split the batch to find it. The plan stays usable.
 * WEIR_INVALID_ARGUMENT: the batch is not one of `input`. */
void weir_plan_run(weir_plan* plan, struct ArrowArray* batch, struct ArrowArray* out,
                   weir_status* status);
void weir_plan_free(weir_plan* plan);

/* ---------------------------------------------------------------- queries
 * Queries and row-wise SQL have, besides DataFusion's functions,
 *
 *   weir_row_hash(a, b, ...)   BIGINT UNSIGNED, never NULL, at least one argument
 *
 * XXH64 with seed 0 over the values' canonical encodings, one after the other. NULL is
 * "N;", anything else <bytes of text, in decimal> ":" <text> ";", where text is
 *   boolean                     0 or 1
 *   integers, decimal(p,0)      decimal digits, '-' in front of a negative value
 *   decimal(p,s)                the unscaled integer, as integers
 *   float, double               the bits of the double, read as a signed 64-bit integer;
 *                               every NaN is the one with the bits 0x7FF8000000000000
 *   string, binary              the bytes
 *   date                        days since 1970-01-01
 *   timestamp                   microseconds since 1970-01-01 UTC
 *   list, struct                the encodings of the elements, or fields, in order
 * It depends on the values alone, not on their Arrow layout, and is pinned: it does not
 * change with the version of anything. */

typedef struct weir_query_table {
  const char* name;
  const weir_snapshot* snapshot;
  /* Only these data files, by their paths as weir_snapshot_describe gives them; NULL: all.
   * Not NULL and a count of 0: no rows. */
  const char* const* files;
  size_t file_count;
} weir_query_table;

/* An Apache Ballista cluster. Its scheduler gets the plan with the paths of the data files;
 * executors read these by their own environment, so a file:// lake must be at the same
 * path on every one of them. No credential leaves this process. */
typedef struct weir_cluster {
  const char* scheduler_url; /* http://host:port */
  uint32_t tasks;            /* into how many a stage is cut at most; >= 1 */
  uint32_t timeout_seconds;  /* for the whole query, after which it is cancelled; >= 1 */
} weir_cluster;

/* Runs a read-only query over the given snapshots, which may be freed when the call
 * returns: in this process (`cluster` NULL), or on a cluster, with the same rows. `out`
 * (out) streams the result as it is computed; its get_next blocks and must not be called
 * on an engine thread. A stream released before its end cancels its job.
 * WEIR_NOT_FOUND: a snapshot has no data file of that path. WEIR_INVALID_ARGUMENT: the SQL
 * is not valid, or is DDL, DML, COPY or SET; for a cluster, too: a part of the plan is none
 * of those that are known to give the same rows there, or a table has chosen files.
 * WEIR_UNAVAILABLE, also from get_next: no scheduler answers, the job failed on the
 * cluster, or took too long. */
void weir_query(weir_engine* engine, const weir_query_table* tables, size_t table_count,
                const char* sql, const weir_cluster* cluster, struct ArrowArrayStream* out,
                weir_status* status);

/* Has every one of `parts` done by the worker of some executor, at least once: a part may
 * be done twice, by two executors at once, and go on after this call has returned. What this
 * call returns is a hint; what was done is to be read where the worker wrote it. `spec` goes
 * to every part. `stopped` is asked a few times a second on the calling thread.
 * WEIR_UNAVAILABLE: no scheduler answers, the job failed, or took too long (it is cancelled
 * then). WEIR_SHUTTING_DOWN: stopped, and cancelled. */
void weir_cluster_run(weir_engine* engine, const weir_cluster* cluster, const char* spec,
                      const char* const* parts, size_t part_count, bool (*stopped)(void* context),
                      void* context, weir_status* status);

/* Does parts of jobs in an executor. `work` is called on threads that may block and may use
 * this ABI, several at a time; the strings are borrowed for the duration of the call. It
 * returns 0, or any other number and at most message_size bytes of text, NUL included, in
 * `message`: the job has failed then. It should end soon once stopped(task) is true. */
typedef struct weir_worker {
  void* context;
  int32_t (*work)(void* context, const char* spec, const char* part, bool (*stopped)(const void* task),
                  const void* task, char* message, size_t message_size);
} weir_worker;

/* level: 1 information, 2 warning, 3 error. Called from any thread; the strings are
 * borrowed for the duration of the call. */
typedef void (*weir_log_fn)(int32_t level, const char* module, const char* message);

/* Serves one role of a cluster until the process gets SIGTERM or SIGINT; an executor then
 * finishes its tasks first. At most once in a process, which no longer gets SIGPIPE.
 * options_json is an object with exactly these members:
 *
 * "scheduler": host, port (to listen on; gRPC, and HTTP with /api/executors),
 *   advertised_host (where executors report to), executor_timeout_seconds (a silent executor counts as lost after it).
 * "executor": scheduler_host, scheduler_port, host, port (results, Arrow Flight), task_port
 *   (tasks, gRPC), advertised_host (where others reach it; null: where the scheduler sees it),
 *   work_dir (a folder of its own is made in it and, at the end, removed), tasks (at a time),
 *   memory_bytes (of all tasks, which spill beyond it), heartbeat_seconds.
 *
 * `worker` (an executor's; NULL: it does no parts) is not called any more once this has
 * returned. `log` (may be NULL) gets what there is to say. WEIR_INVALID_ARGUMENT: the role or its
 * options. WEIR_UNAVAILABLE: an address is taken, the scheduler does not answer, refuses
 * this executor's version, or took it for lost and stopped it. */
void weir_cluster_serve(weir_engine* engine, const char* role, const char* options_json,
                        const weir_worker* worker, weir_log_fn log, weir_status* status);

/* ---------------------------------------------------------------- objects
 * Small files of a lake beside its tables. `path` and `prefix` are relative to the lake,
 * separated by '/'. */

typedef enum weir_put_mode { WEIR_PUT_CREATE = 0, WEIR_PUT_OVERWRITE = 1 } weir_put_mode;

/* Stores the object atomically: readers see all of it or nothing. WEIR_ALREADY_EXISTS:
 * CREATE, and it is there (perhaps by an attempt of ours whose answer was lost: compare).
 * `store` may be NULL. `data` may be NULL if size is 0. */
void weir_object_put(weir_engine* engine, const char* lake_url, const weir_store_options* store,
                     const char* path, const void* data, size_t size, weir_put_mode mode,
                     weir_status* status);

/* WEIR_NOT_FOUND: no such object. */
weir_buffer weir_object_get(weir_engine* engine, const char* lake_url, const char* path,
                            weir_status* status);

/* Also succeeds when there was no such object. `store` may be NULL. */
void weir_object_delete(weir_engine* engine, const char* lake_url, const weir_store_options* store,
                        const char* path, weir_status* status);

/* JSON array of {path, size}, sorted by path, of every object below the folder `prefix`
 * ("" or NULL: the whole lake). A folder that does not exist is empty. */
weir_buffer weir_object_list(weir_engine* engine, const char* lake_url, const char* prefix,
                             weir_status* status);

#ifdef __cplusplus
}
#endif

#endif /* WEIR_ENGINE_H_ */
