#include <stdio.h>
#include <string.h>

#include "arrow_rows.h"
#include "chains.h"
#include "expectations.h"
#include "sql_plans.h"

static void refuse_sql(const char* sql, const char* text) {
  struct ArrowSchema out;
  g_chain = sql;
  CHECK(compile_plan(sql, &out) == NULL);
  EXPECT(WEIR_INVALID_ARGUMENT, text);
}

static void reject_rows(const char* sql, int64_t first, int64_t n, const char* text) {
  struct ArrowSchema schema;
  struct ArrowArray out;
  g_chain = sql;
  weir_plan* plan = compile_plan(sql, &schema);
  OK();
  schema.release(&schema);
  run_plan(plan, first, n, &out);
  EXPECT(WEIR_REJECTED, text);
  run_plan(plan, 8, 1, &out); /* usable afterwards; row 8 is harmless unless the SQL hates all */
  weir_buffer_free(&g_status.message);
  if (g_status.code == WEIR_OK) out.release(&out);
  weir_plan_free(plan);
}

static void expect_schema(const char* sql, const char* expected) {
  struct ArrowSchema schema;
  struct ArrowArray out;
  char found[500] = "";
  g_chain = sql;
  weir_plan* plan = compile_plan(sql, &schema);
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
  run_plan(plan, 8, 3, &out); /* what was promised is what comes */
  OK();
  out.release(&out);
  weir_plan_free(plan);
}

/* SQL and the columns it gives, before the system columns: name:format. */
static const struct {
  const char *sql, *columns;
} kAllowed[] = {
    {"SELECT * FROM input", "id:l name:u small:C zero:l digits:u at:tsu:UTC"},
    {"SELECT * EXCEPT (name, zero, digits, at) FROM input", "id:l small:C"},
    {"SELECT i.* EXCLUDE (name, zero, digits, at, _seq) FROM input AS i", "id:l small:C"},
    {"SELECT _seq AS seq, CAST(at AS DATE) AS day FROM input;", "seq:l day:tdD"},
    {"SELECT date_trunc('hour', at) AS hour, to_timestamp(id) AS ts FROM input", "hour:tsu:UTC ts:tsu:UTC"},
    {"SELECT CASE WHEN id > 3 THEN 'a' ELSE name END AS c, coalesce(name, 'x') AS d FROM input", "c:u d:u"},
    {"SELECT CAST(id AS VARCHAR) AS c, concat(name, digits) AS d, substr(name, 2) AS e FROM input", "c:u d:u e:u"},
    {"SELECT arrow_cast(id, 'Int32') AS c, id / 2 AS d, id * 1.5 AS e, -id AS f FROM input", "c:i d:l e:g f:l"},
    {"SELECT CAST(id AS DECIMAL(20, 2)) * 2 AS c, md5(name) AS d, id IN (1, 2) AS e FROM input", "c:d:38,2 d:u e:b"},
    {"SELECT make_array(id, 1) AS c, named_struct('a', name) AS d FROM input", "c:+l d:+s"},
    {"SELECT extract(year FROM at) AS c, name LIKE 'n%' AS d, nullif(id, 3) AS e FROM input WHERE name IS NOT NULL",
     "c:i d:b e:l"},
};

/* SQL that is not row-wise, deterministic or storable, and what the message says. NULL: anything. */
static const struct {
  const char *sql, *text;
} kRefused[] = {
    {"SELECT count(*) AS n FROM input", "aggregate count()"},
    {"SELECT name FROM input GROUP BY name", "GROUP BY"},
    {"SELECT id FROM input HAVING id > 1", "HAVING"},
    {"SELECT DISTINCT name FROM input", "DISTINCT"},
    {"SELECT row_number() OVER (ORDER BY id) AS r FROM input", "window function row_number()"},
    {"SELECT id FROM input\nORDER BY id", "line 2"},
    {"SELECT id FROM input LIMIT 3", "LIMIT"},
    {"SELECT id FROM input OFFSET 3", "OFFSET"},
    {"SELECT id FROM input FETCH FIRST 3 ROWS ONLY", "FETCH"},
    {"SELECT id FROM input UNION ALL SELECT id FROM input", "UNION"},
    {"SELECT unnest(make_array(1, 2)) AS x FROM input", "UNNEST"},
    {"SELECT id FROM (SELECT id FROM input)", "sub-query"},
    {"SELECT id FROM input WHERE id IN (SELECT id FROM input)", "sub-query"},
    {"SELECT (SELECT 1) AS one FROM input", "sub-query"},
    {"WITH x AS (SELECT id FROM input) SELECT id FROM x", "WITH"},
    {"SELECT a.id FROM input a JOIN input b ON a.id = b.id", "lookups are not supported yet"},
    {"SELECT id FROM input, airports", "lookups are not supported yet"},
    {"SELECT id FROM airports", "airports"},
    {"SELECT * FROM generate_series(1, 3)", "table function"},
    {"SELECT id FROM input; SELECT id FROM input", "several statements"},
    {"DELETE FROM input", "DELETE"},
    {"SET x = 1", "SET"},
    {"CREATE TABLE x AS SELECT 1", "CREATE"},
    {"VALUES (1)", "SELECT"},
    {"", "empty"},
    {"SELECT now() AS n FROM input", "now()"},
    {"SELECT current_date AS n FROM input", "current_date"},
    {"SELECT id,\n  random() AS n FROM input", "line 2, column 3: random()"},
    {"SELECT uuid() AS n FROM input", "uuid()"},
    {"SELECT nme FROM input", "name"},
    {"SELECT frobnicate(id) AS x FROM input", "frobnicate"},
    {"SELECT id, name AS id FROM input", "id"},
    {"SELECT id AS a, zero AS a FROM input", "a"},
    {"SELECT _seq FROM input", "_seq"},
    {"SELECT id AS _mine FROM input", "_mine"},
    {"SELECT id AS \"Id\" FROM input", "lower-case"},
    {"SELECT id + 1 FROM input", "AS"},
    {"SELECT NULL AS n FROM input", "CAST(NULL AS"},
    {"SELECT id FROM input WHERE name", NULL},
    {"SELECT id FROM input WHERE id = $1", NULL},
    {"SELECT at - at AS span FROM input", "cannot be stored"},
    {"SELEC id FROM input", NULL},
    {"SELECT id FRO input", NULL},
};

/* SQL that fails on some row of first .. first + n - 1, and what the message says. NULL: anything. */
static const struct {
  const char* sql;
  int64_t first, n;
  const char* text;
} kFailing[] = {
    {"SELECT 10 / zero AS x FROM input", 1, 20, "divide by zero"},
    {"SELECT 10 % zero AS x FROM input", 1, 20, "divide by zero"},
    {"SELECT CAST(digits AS BIGINT) AS x FROM input", 1, 20, "seven"},
    {"SELECT id FROM input WHERE CAST(digits AS BIGINT) > 3", 1, 20, "seven"},
    {"SELECT 9223372036854775807 + id AS x FROM input", 1, 3, "overflow"},
    {"SELECT 9223372036854775807 + 1 AS x FROM input", 1, 3, "overflow"},
    {"SELECT id * 9223372036854775807 AS x FROM input", 2, 3, "overflow"},
    {"SELECT -9223372036854775807 - id AS x FROM input", 2, 3, "overflow"},
    {"SELECT id FROM input WHERE id + 9223372036854775807 < 0", 2, 3, "overflow"},
    {"SELECT -(-9223372036854775807 - id) AS x FROM input", 1, 1, "overflow"},
    {"SELECT CAST(id AS TINYINT) AS x FROM input", 1, 300, NULL},
    {"SELECT CAST(id * 10000000000 AS INT) AS x FROM input", 1, 3, NULL},
    {"SELECT CAST(1e30 * id AS BIGINT) AS x FROM input", 1, 3, NULL},
    {"SELECT CAST(99999 * id AS DECIMAL(5, 1)) AS x FROM input", 1, 3, NULL},
    {"SELECT abs(-9223372036854775807 - id) AS x FROM input", 1, 1, "overflow"},
    {"SELECT to_timestamp(name) AS x FROM input", 1, 3, NULL},
};

static void rows_of_a_plan(void) {
  g_chain = "plan";
  struct ArrowSchema schema;
  struct ArrowArray out;
  weir_plan* plan = compile_plan("SELECT *, id + 1 AS next, upper(name) AS loud FROM input WHERE id % 2 = 0", &schema);
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
  run_plan(plan, 1, 100, &out);
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
  run_plan(plan, 1, 1, &out);
  OK();
  CHECK(out.length == 0 && out.n_children == 10);
  out.release(&out);
  run_plan(plan, 1, 0, &out);
  OK();
  CHECK(out.length == 0);
  out.release(&out);
  g_chain = "plan, a large batch comes out as one";
  run_plan(plan, 1, 100000, &out);
  OK();
  CHECK(out.length == 50000);
  out.release(&out);
  weir_plan_free(plan);
}

void chain_plan(void) {
  rows_of_a_plan();
  for (size_t i = 0; i < sizeof kAllowed / sizeof *kAllowed; ++i) {
    char expected[300];
    snprintf(expected, sizeof expected, "%s _shard:i _seq:l", kAllowed[i].columns);
    expect_schema(kAllowed[i].sql, expected);
  }
  for (size_t i = 0; i < sizeof kRefused / sizeof *kRefused; ++i) refuse_sql(kRefused[i].sql, kRefused[i].text);
  for (size_t i = 0; i < sizeof kFailing / sizeof *kFailing; ++i) {
    reject_rows(kFailing[i].sql, kFailing[i].first, kFailing[i].n, kFailing[i].text);
  }
}
