#include "arrow_rows.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "expectations.h"

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

void make_schema(struct ArrowSchema* out, const column* columns, int n) {
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
    case 'c':
    case 'C': return 1;
    case 's':
    case 'S': return 2;
    case 'i':
    case 'I':
    case 'f': return 4;
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
  if (!strcmp(name, "day"))
    snprintf(out, size, "2024-01-%02d", (int)(1 + r % 3));
  else if (!strcmp(name, "digits"))
    snprintf(out, size, r == 7 ? "seven" : "%d", (int)r);
  else if (!strcmp(name, "hash"))
    snprintf(out, size, "%016" PRIx64 "%016" PRIx64, mix(r), mix(~r));
  else if (!strcmp(name, "path"))
    snprintf(out, size, "/api/v1/customers/%d/orders/%d", (int)(r * 7919 % 10000), (int)r);
  else
    snprintf(out, size, "%s-%d", name, (int)(r % 1000));
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
    if (c->format[0] == 'g')
      memcpy(at, &v, 8);
    else
      memcpy(at, &whole, width); /* little endian */
  }
  out->buffers[1] = values;
}

void make_batch(struct ArrowArray* out, const column* columns, int n_columns, int64_t first, int64_t n) {
  make_array(out, n, 1);
  out->n_children = n_columns;
  out->children = calloc(n_columns, sizeof *out->children);
  for (int i = 0; i < n_columns; ++i) {
    out->children[i] = malloc(sizeof(struct ArrowArray));
    make_column(out->children[i], &columns[i], first, n);
  }
}

int source_schema(struct ArrowArrayStream* s, struct ArrowSchema* out) {
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
const char* source_error(struct ArrowArrayStream* s) {
  (void)s;
  return "the source broke";
}
static void source_release(struct ArrowArrayStream* s) {
  free(s->private_data);
  s->release = NULL;
}
void make_source(struct ArrowArrayStream* out, source from) {
  out->get_schema = source_schema;
  out->get_next = source_next;
  out->get_last_error = source_error;
  out->release = source_release;
  out->private_data = malloc(sizeof from);
  memcpy(out->private_data, &from, sizeof from);
}

int64_t drain(struct ArrowArrayStream* stream, int at, int64_t* rows) {
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
