#pragma once

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "weir_engine.h"

/* The chain that runs, for the message of a failure. */
extern const char* g_chain;
/* What the last call answered. */
extern weir_status g_status;

/* Exits 1 unless the condition holds. */
#define CHECK(condition)                                                                    \
  do {                                                                                      \
    if (!(condition)) {                                                                     \
      fprintf(stderr, "%s:%d: [%s] failed: %s\n", __FILE__, __LINE__, g_chain, #condition); \
      exit(1);                                                                              \
    }                                                                                       \
  } while (0)

/* Exits 1 unless the last call answered `code` with a message that holds `text` (NULL: any); forgets the message. */
#define EXPECT(code, text) expect_at(__FILE__, __LINE__, (code), (text))
#define OK() expect_at(__FILE__, __LINE__, WEIR_OK, NULL)
void expect_at(const char* file, int line, int32_t code, const char* text);

/* Exits 1 unless the last call answered WEIR_OK and `b` holds `text`; frees `b`. */
void expect_text(weir_buffer b, const char* text);
