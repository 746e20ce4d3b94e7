#pragma once

#include "weir_engine.h"

/* The call chains, in the order in which they must run: each finds the shared table as the one before left it. */

weir_table* chain_create(void);
void chain_write_and_commit(weir_table* table);
void chain_bad_rows(weir_table* table);
void chain_query(weir_table* table);
void chain_checkpoint(weir_table** table);
void chain_maintain(weir_table* table);

/* These make what they need. */
void chain_disk_faults(void); /* local lakes only */
void chain_changes(void);
void chain_creators(void);
void chain_writers(void);
void chain_plan(void);
void chain_objects(void);
void chain_nulls(weir_table* table);
void chain_engine_freed_first(void);
