#pragma once

#include "arrow_rows.h"
#include "weir_engine.h"

/* Row-wise SQL over batches of kInput. */

enum { kInputColumns = 8 };
extern const column kInput[kInputColumns];

/* What came of it is in g_status. */
weir_plan* compile_plan(const char* sql, struct ArrowSchema* out);
void run_plan(weir_plan* plan, int64_t first, int64_t n, struct ArrowArray* out);
