// Who the process is: files of the state directory are made as the service's user from the start, ports are bound as
// root, and then root is given up for good.
#pragma once

#include <expected>
#include <memory>
#include <string>

namespace placard::app {

class Privileges {
 public:
  /// `user` empty, or not being root while it is ourselves: nothing will change. Fails for an unknown user, or when we
  /// are neither root nor that user.
  static std::expected<Privileges, std::string> find(const std::string& user);

  /// Makes the state directory (mode 0700, owned by the user), and above it what is missing if `with_parents`: a
  /// folder that an administrator names stands where it was meant to, or the start says that it doesn't.
  std::expected<void, std::string> make_directory(const std::string& path, bool with_parents) const;

  /// While it lives, files are made as the user. One thread only, before there are others.
  class AsUser {
   public:
    explicit AsUser(const Privileges& privileges);
    ~AsUser();
    AsUser(const AsUser&) = delete;
    AsUser& operator=(const AsUser&) = delete;

   private:
    bool changed_;
  };

  /// Becomes the user for good, in all threads; sets no_new_privs in any case.
  std::expected<void, std::string> drop() const;

 private:
  bool change_ = false;
  unsigned uid_ = 0, gid_ = 0;
  std::string name_;
};

}  // namespace placard::app
