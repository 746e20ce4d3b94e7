#include "clickhouse/lz4_body.h"

#include <lz4frame.h>

namespace weir::clickhouse {

Result<std::string> lz4_frame(std::string_view bytes) {
  LZ4F_preferences_t preferences = LZ4F_INIT_PREFERENCES;
  preferences.frameInfo.blockSizeID = LZ4F_max1MB;
  preferences.frameInfo.contentSize = bytes.size();
  // The server's LZ4 reader checks it: a block damaged on its way is an error, not a row.
  preferences.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled;
  std::string frame(LZ4F_compressFrameBound(bytes.size(), &preferences), '\0');
  const size_t length = LZ4F_compressFrame(frame.data(), frame.size(), bytes.data(), bytes.size(), &preferences);
  if (LZ4F_isError(length) != 0) return internal_error(std::string("LZ4: ") + LZ4F_getErrorName(length));
  frame.resize(length);
  return frame;
}

}  // namespace weir::clickhouse
