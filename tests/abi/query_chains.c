#include <string.h>

#include "arrow_rows.h"
#include "chains.h"
#include "expectations.h"
#include "flights_table.h"

static void chain_fails_while_it_runs(const weir_query_table* tables) {
  struct ArrowArrayStream out;
  g_chain = "query that fails while it runs";
  weir_query(g_engine, tables, 1, "SELECT id, 1 / (id - 7) AS x FROM t", NULL, &out, &g_status);
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
}

/* What can be said of a cluster without one. Port 9 is that of a protocol which nobody speaks any more. */
static void chain_no_cluster(const weir_snapshot* s) {
  g_chain = "query without its cluster";
  struct ArrowArrayStream out;
  int64_t rows;
  const char* chosen[] = {"day=2024-01-01/some"};
  weir_query_table all[] = {{"t", s, NULL, 0}};
  weir_query_table some[] = {{"t", s, chosen, 1}};
  weir_cluster nobody = {"http://127.0.0.1:9", 2, 5};
  weir_cluster idle = {"http://127.0.0.1:9", 0, 5};
  weir_query(g_engine, all, 1, "SELECT id FROM t", &nobody, &out, &g_status);
  EXPECT(WEIR_UNAVAILABLE, "no Ballista scheduler answers at http://127.0.0.1:9");
  weir_query(g_engine, all, 1, "SELECT id FROM t", &idle, &out, &g_status);
  EXPECT(WEIR_INVALID_ARGUMENT, "tasks");
  weir_query(g_engine, some, 1, "SELECT id FROM t", &nobody, &out, &g_status);
  EXPECT(WEIR_INVALID_ARGUMENT, "whole tables");
  weir_query(g_engine, all, 1, "EXPLAIN SELECT id FROM t", &nobody, &out, &g_status);
  EXPECT(WEIR_INVALID_ARGUMENT, "does not run on a cluster");
  weir_query(g_engine, all, 1, "SELECT nothing FROM t", &nobody, &out, &g_status);
  EXPECT(WEIR_INVALID_ARGUMENT, "nothing");
  weir_query(g_engine, all, 1, "SELECT CAST(7 AS BIGINT) AS id", &nobody, &out, &g_status);
  OK(); /* Reads no table: needs no cluster. */
  CHECK(drain(&out, 0, &rows) == 7);
  weir_cluster_serve(g_engine, "conductor", "{}", NULL, NULL, &g_status);
  EXPECT(WEIR_INVALID_ARGUMENT, "conductor");
  weir_cluster_serve(g_engine, "scheduler", "{\"host\": \"127.0.0.1\"}", NULL, NULL, &g_status);
  EXPECT(WEIR_INVALID_ARGUMENT, "port");
}

void chain_query(weir_table* table) {
  g_chain = "query";
  weir_snapshot* s = newest(table);
  weir_query_table tables[] = {{"t", s, NULL, 0}, {"T2", s, NULL, 0}};
  struct ArrowArrayStream out;
  int64_t rows;
  weir_query(g_engine, tables, 2, "SELECT id, day, upper(name) AS n FROM t WHERE _seq <= 2600", NULL, &out, &g_status);
  OK();
  CHECK(drain(&out, 0, &rows) == 2600LL * 2601 / 2);
  CHECK(rows == 2600);
  weir_query(g_engine, tables, 2, "SELECT count(*) AS n FROM t JOIN \"T2\" USING (id)", NULL, &out, &g_status);
  OK();
  CHECK(drain(&out, 0, &rows) == 2600);
  g_chain = "query over some files";
  const char* unknown[] = {"day=2024-01-01/w1-part-none.parquet"};
  weir_query_table some[] = {{"t", s, unknown, 0}};
  weir_query(g_engine, some, 1, "SELECT id FROM t", NULL, &out, &g_status);
  OK();
  drain(&out, 0, &rows);
  CHECK(rows == 0);
  some[0].file_count = 1;
  weir_query(g_engine, some, 1, "SELECT id FROM t", NULL, &out, &g_status);
  EXPECT(WEIR_NOT_FOUND, unknown[0]);
  g_chain = "row hash";
  /* Of "1:1;6:name-1;", as any implementation of XXH64 gives it. */
  weir_query(g_engine, tables, 1, "SELECT id FROM t WHERE weir_row_hash(id, name) = 1396435014148774909", NULL, &out,
             &g_status);
  OK();
  CHECK(drain(&out, 0, &rows) == 1);
  CHECK(rows == 1);
  g_chain = "query outlives its snapshot";
  weir_query(g_engine, tables, 1, "SELECT id FROM t ORDER BY id DESC LIMIT 10", NULL, &out, &g_status);
  OK();
  weir_snapshot_free(s);
  CHECK(drain(&out, 0, &rows) == 25955);
  CHECK(rows == 10);

  g_chain = "query, refused";
  s = newest(table);
  tables[0].snapshot = s;
  const char* refused[] = {"CREATE TABLE x AS SELECT 1",
                           "INSERT INTO t SELECT * FROM t",
                           "COPY t TO '/tmp/weir-abi-must-not-exist'",
                           "SET datafusion.execution.batch_size = 1",
                           "DROP TABLE t",
                           "CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '/etc/passwd'",
                           "SELECT nothing FROM t",
                           "SELEC 1"};
  for (size_t i = 0; i < sizeof refused / sizeof *refused; ++i) {
    weir_query(g_engine, tables, 1, refused[i], NULL, &out, &g_status);
    EXPECT(WEIR_INVALID_ARGUMENT, NULL);
  }
  chain_fails_while_it_runs(tables);
  chain_no_cluster(s);
  weir_snapshot_free(s);
}
