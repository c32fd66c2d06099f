#include "resolver/app/privileges.hpp"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cassert>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace placard::app {

std::expected<Privileges, std::string> Privileges::find(const std::string& user) {
  Privileges found;
  found.uid_ = ::geteuid();
  found.gid_ = ::getegid();
  found.name_ = user;
  if (user.empty()) return found;
  passwd entry{};
  passwd* known = nullptr;
  char buffer[4096];
  if (::getpwnam_r(user.c_str(), &entry, buffer, sizeof buffer, &known) != 0 || !known)
    return std::unexpected(fmt::format("server.user: there is no user \"{}\"", user));
  if (entry.pw_uid == found.uid_) return found;
  if (found.uid_ != 0) return std::unexpected(fmt::format("server.user: only root can become \"{}\"", user));
  found.change_ = true;
  found.uid_ = entry.pw_uid;
  found.gid_ = entry.pw_gid;
  return found;
}

std::expected<void, std::string> Privileges::make_directory(const std::string& path, bool with_parents) const {
  namespace fs = std::filesystem;
  std::error_code error;
  auto folder = fs::path(path).lexically_normal();
  if (!folder.has_filename()) folder = folder.parent_path();  // "state/"
  auto failed = [&](const std::string& reason) {
    return std::unexpected(fmt::format("state directory {}: {}", path, reason));
  };
  if (fs::is_directory(folder, error)) {
    const AsUser as_user(*this);
    if (::access(folder.c_str(), F_OK) != 0 || ::eaccess(folder.c_str(), W_OK | X_OK) != 0)
      return failed(std::strerror(errno));
    return {};
  }
  if (fs::exists(folder, error)) return failed("is no folder");
  if (const auto parent = folder.parent_path(); !parent.empty() && !fs::is_directory(parent, error)) {
    if (!with_parents) return failed(fmt::format("there is no folder {} to make it in", parent.string()));
    if (!fs::create_directories(parent, error) && error) return failed(error.message());
  }
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return failed(std::strerror(errno));
  if (change_ && ::lchown(folder.c_str(), uid_, gid_) != 0) return failed(std::strerror(errno));
  return {};
}

Privileges::AsUser::AsUser(const Privileges& privileges) : changed_(privileges.change_) {
  if (!changed_) return;
  const bool became = ::setegid(privileges.gid_) == 0 && ::seteuid(privileges.uid_) == 0;
  assert(became);  // root may always
  (void)became;
}

Privileges::AsUser::~AsUser() {
  if (!changed_) return;
  const bool returned = ::seteuid(0) == 0 && ::setegid(0) == 0;
  assert(returned);
  (void)returned;
}

std::expected<void, std::string> Privileges::drop() const {
  if (change_) {
    if (::setgroups(0, nullptr) != 0 || ::setgid(gid_) != 0 || ::setuid(uid_) != 0)
      return std::unexpected(fmt::format("cannot become {}: {}", name_, std::strerror(errno)));
    if (::setuid(0) == 0) return std::unexpected(fmt::format("became {}, but root can be had back", name_));
  }
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return std::unexpected(fmt::format("no_new_privs: {}", std::strerror(errno)));
  return {};
}

}  // namespace placard::app
