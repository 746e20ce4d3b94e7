#pragma once

#include "arrow_rows.h"
#include "weir_engine.h"

/* The table that the chains share and read_back.py reads, and the engine that all of them use. */

extern weir_engine* g_engine;
extern char g_lake[600], g_table[700]; /* urls */

enum { kColumns = 8 };
extern const column kRow[kColumns];

/* Each of these exits 1 unless the call succeeds. */
weir_files* write_rows(weir_table* table, int64_t first, int64_t last);
weir_snapshot* newest(weir_table* table);
void expect_txn(const weir_snapshot* s, const char* app, int64_t version);

/* One txn and, unless NULL, files. What came of it is in g_status. */
weir_snapshot* commit_one(const weir_snapshot* base, const weir_files* files, const char* app, int64_t version);
