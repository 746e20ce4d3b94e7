#pragma once

#include <stdint.h>

#include "arrow_c_data.h"

/* Rows in the Arrow C Data Interface, made by rule: a cell depends only on its column's name and its row's number, so
 * that read_back.py can tell what it should be. */

typedef struct column {
  const char* name;
  const char* format; /* of the C Data Interface; must outlive what is made of it */
  int nullable;
} column;

/* A stream of the rows next..last in batches of per_batch. */
typedef struct source {
  const column* columns;
  int n_columns;
  int64_t next, last, per_batch;
  int64_t fail_at; /* the first row that cannot be had; -1: none */
} source;

/* Each of these fills `out`, which its reader releases. */
void make_schema(struct ArrowSchema* out, const column* columns, int n);
void make_batch(struct ArrowArray* out, const column* columns, int n_columns, int64_t first, int64_t n);
void make_source(struct ArrowArrayStream* out, source from);

/* The callbacks of make_source, for streams whose private_data begins with a source. */
int source_schema(struct ArrowArrayStream* s, struct ArrowSchema* out);
const char* source_error(struct ArrowArrayStream* s);

/* Sums the int64 column `at` of a stream, and counts rows; consumes the stream. */
int64_t drain(struct ArrowArrayStream* stream, int at, int64_t* rows);
