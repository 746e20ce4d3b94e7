/* The Arrow C data interface and C stream interface, as the public specification
 * defines them (https://arrow.apache.org/docs/format/CDataInterface.html and
 * .../CStreamInterface.html). The guards are those of the specification, so this
 * file and Arrow C++'s <arrow/c/abi.h> may be included together in any order. */
#ifndef WEIR_ARROW_C_DATA_H_
#define WEIR_ARROW_C_DATA_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE

#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE 2
#define ARROW_FLAG_MAP_KEYS_SORTED 4

struct ArrowSchema {
  const char* format;
  const char* name;
  const char* metadata;
  int64_t flags;
  int64_t n_children;
  struct ArrowSchema** children;
  struct ArrowSchema* dictionary;
  /* Frees the members and sets itself to NULL; NULL means released or moved. */
  void (*release)(struct ArrowSchema*);
  void* private_data;
};

struct ArrowArray {
  int64_t length;
  int64_t null_count;
  int64_t offset;
  int64_t n_buffers;
  int64_t n_children;
  const void** buffers;
  struct ArrowArray** children;
  struct ArrowArray* dictionary;
  void (*release)(struct ArrowArray*);
  void* private_data;
};

#endif /* ARROW_C_DATA_INTERFACE */

#ifndef ARROW_C_STREAM_INTERFACE
#define ARROW_C_STREAM_INTERFACE

struct ArrowArrayStream {
  /* Each returns 0 or an errno value; after a failure get_last_error may explain it. */
  int (*get_schema)(struct ArrowArrayStream*, struct ArrowSchema* out);
  /* End of stream: returns 0 and leaves out->release NULL. */
  int (*get_next)(struct ArrowArrayStream*, struct ArrowArray* out);
  const char* (*get_last_error)(struct ArrowArrayStream*);
  void (*release)(struct ArrowArrayStream*);
  void* private_data;
};

#endif /* ARROW_C_STREAM_INTERFACE */

#ifdef __cplusplus
}
#endif

#endif /* WEIR_ARROW_C_DATA_H_ */
