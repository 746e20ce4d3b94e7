#include "nats/holder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace weir::nats {
namespace {

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? std::string(name) : std::string("unknown");
}

}  // namespace

Result<std::unique_ptr<FileLock>> FileLock::open(const std::filesystem::path& data_dir, const std::string& name) {
  const std::filesystem::path folder = data_dir / "locks";
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return invalid_argument("cannot make the folder " + folder.string() + ": " + error.message());
  const std::string path = (folder / (name + ".lock")).string();
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor < 0) return invalid_argument("cannot open " + path + ": " + std::strerror(errno));
  // Host, device and inode name this very file: a data folder restored elsewhere is another place.
  struct stat file {};
  if (::fstat(descriptor, &file) != 0) {
    const std::string why = std::strerror(errno);
    ::close(descriptor);
    return invalid_argument("cannot read " + path + ": " + why);
  }
  std::string place = host_name() + ":" + std::to_string(file.st_dev) + ":" + std::to_string(file.st_ino);
  return std::unique_ptr<FileLock>(new FileLock(descriptor, std::move(place)));
}

FileLock::~FileLock() { ::close(descriptor_); }  // which also lets go

bool FileLock::try_hold() { return ::flock(descriptor_, LOCK_EX | LOCK_NB) == 0; }

void FileLock::let_go() { ::flock(descriptor_, LOCK_UN); }

}  // namespace weir::nats
