#pragma once

/* Faults of the disk: the engine's calls of fsync, linkat and open64 come to this program's own versions first. Each
 * errno is given once, then it is 0 again. */
typedef struct disk_faults {
  int fsync_folder_errno; /* what the next fsync of a folder named *_delta_log gives */
  int fsync_file_errno;   /* what the next fsync of a file gives */
  int link_errno;         /* what the next hard link gives */
  int link_answer_lost;   /* the next hard link is made, and reported as taken */
  int open_errno;         /* what the next read of open_name gives */
  char open_name[64];
  int files_synced, folders_synced; /* counted, whatever they gave */
} disk_faults;

extern disk_faults g_fault;
