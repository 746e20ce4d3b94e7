#include "engine/handles.h"

#include <weir_engine.h>

namespace weir::engine {

void FreeHandle::operator()(weir_engine* handle) const { weir_engine_free(handle); }
void FreeHandle::operator()(weir_table* handle) const { weir_table_free(handle); }
void FreeHandle::operator()(weir_snapshot* handle) const { weir_snapshot_free(handle); }
void FreeHandle::operator()(weir_files* handle) const { weir_files_free(handle); }
void FreeHandle::operator()(weir_plan* handle) const { weir_plan_free(handle); }

}  // namespace weir::engine
