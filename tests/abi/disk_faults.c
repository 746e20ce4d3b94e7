#include "disk_faults.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

disk_faults g_fault;

static int take_errno(int* fault) {
  int e = __atomic_exchange_n(fault, 0, __ATOMIC_SEQ_CST);
  if (e) errno = e;
  return e;
}

int fsync(int fd) {
  struct stat info;
  char link[64], path[4096];
  fstat(fd, &info);
  if (S_ISDIR(info.st_mode)) {
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    path[n > 0 ? n : 0] = 0;
    __atomic_add_fetch(&g_fault.folders_synced, 1, __ATOMIC_SEQ_CST);
    if (strstr(path, "_delta_log") && take_errno(&g_fault.fsync_folder_errno)) return -1;
  } else {
    __atomic_add_fetch(&g_fault.files_synced, 1, __ATOMIC_SEQ_CST);
    if (take_errno(&g_fault.fsync_file_errno)) return -1;
  }
  return (int)syscall(SYS_fsync, fd);
}

int linkat(int from_dir, const char* from, int to_dir, const char* to, int flags) {
  if (take_errno(&g_fault.link_errno)) return -1;
  int rc = (int)syscall(SYS_linkat, from_dir, from, to_dir, to, flags);
  if (rc == 0 && __atomic_exchange_n(&g_fault.link_answer_lost, 0, __ATOMIC_SEQ_CST)) {
    errno = EEXIST;
    return -1;
  }
  return rc;
}

int open64(const char* path, int flags, ...) {
  va_list args;
  va_start(args, flags);
  mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(args, mode_t) : 0;
  va_end(args);
  bool reads = (flags & O_ACCMODE) == O_RDONLY;
  if (reads && g_fault.open_errno && strstr(path, g_fault.open_name) && take_errno(&g_fault.open_errno)) return -1;
  return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}
